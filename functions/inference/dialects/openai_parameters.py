"""Checks of the parameters of OpenAI's completions, before a request goes to an engine.

Ranges are those of OpenAI's API reference (`openapi.yaml` of github.com/openai/openai-openapi).
Other parameters are for the engine to check: each has its own. `null` means not given.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lading.functions.contract.errors import InvalidInput, brief

_NUMBERS = MappingProxyType(
    {
        "temperature": (0, 2),
        "top_p": (0, 1),
        "presence_penalty": (-2, 2),
        "frequency_penalty": (-2, 2),
    }
)
_COUNTS = MappingProxyType(
    {
        "n": (1, 128),
        "best_of": (1, 20),
        "top_logprobs": (0, 20),
        "max_tokens": (0, 1 << 31),
        "max_completion_tokens": (1, 1 << 31),
    }
)
_FLAGS = ("stream", "echo")
_MOST_STOPS = 4
_MOST_BIAS = 100


def check_chat(document: Mapping[str, Any]) -> None:
    """Check a request for `/v1/chat/completions`.

    Raises:
        InvalidInput: a parameter is missing, of the wrong type or out of its range.
    """
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "a list of at least one message", messages)
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _wrong("messages", "objects that each have a 'role'", message)
    _check_flag(document, "logprobs")
    _check_sampling(document)


def check_completion(document: Mapping[str, Any]) -> None:
    """Check a request for `/v1/completions`.

    Raises:
        InvalidInput: as `check_chat`.
    """
    prompt = document.get("prompt")
    if not isinstance(prompt, str | list) or prompt == []:
        raise _wrong("prompt", "a string, or a list of strings or tokens", prompt)
    _check_range(document, "logprobs", 0, 5, whole=True)
    _check_sampling(document)


def _check_sampling(document: Mapping[str, Any]) -> None:
    for name, (lowest, highest) in _NUMBERS.items():
        _check_range(document, name, lowest, highest, whole=False)
    for name, (lowest, highest) in _COUNTS.items():
        _check_range(document, name, lowest, highest, whole=True)
    for name in _FLAGS:
        _check_flag(document, name)
    _check_stop(document.get("stop"))
    _check_bias(document.get("logit_bias"))
    options = document.get("stream_options")
    if options is not None and not (isinstance(options, dict) and document.get("stream")):
        raise _wrong("stream_options", "an object, together with 'stream': true", options)


def _check_range(
    document: Mapping[str, Any], name: str, lowest: int, highest: int, *, whole: bool
) -> None:
    value = document.get(name)
    if value is None:
        return
    kinds = (int,) if whole else (int, float)
    if type(value) not in kinds or not lowest <= value <= highest:
        what = "a whole number" if whole else "a number"
        raise _wrong(name, f"{what} from {lowest} to {highest}", value)


def _check_flag(document: Mapping[str, Any], name: str) -> None:
    if not isinstance(document.get(name), bool | None):
        raise _wrong(name, "true or false", document[name])


def _check_stop(stop: Any) -> None:
    texts = [stop] if isinstance(stop, str) else stop
    if texts is None:
        return
    if not isinstance(texts, list) or len(texts) > _MOST_STOPS or not _are_texts(texts):
        raise _wrong("stop", f"a string, or a list of at most {_MOST_STOPS}", stop)


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _check_bias(bias: Any) -> None:
    if bias is None:
        return
    what = f"an object of numbers from -{_MOST_BIAS} to {_MOST_BIAS}"
    if not isinstance(bias, dict):
        raise _wrong("logit_bias", what, bias)
    for value in bias.values():
        if type(value) not in (int, float) or not -_MOST_BIAS <= value <= _MOST_BIAS:
            raise _wrong("logit_bias", what, value)


def _wrong(name: str, wanted: str, found: Any) -> InvalidInput:
    reason = f"must be {wanted}, got {brief(repr(found))}"
    return InvalidInput(name, reason, f"'{name}' {reason}")
