"""Parameters out of OpenAI's ranges are refused by name; what OpenAI leaves open passes."""

from typing import Any

import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.dialects.openai_parameters import check_chat, check_completion

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"temperature": 0, "top_p": 1.0, "n": 1, "max_tokens": 5, "stop": "x", "stream": False},
        {"stop": ["a", "b", "c", "d"], "logit_bias": {"50256": -100}, "logprobs": True},
        {"temperature": None, "stop": None, "logit_bias": None, "stream": None, "n": None},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"top_k": -5, "guided_json": {}, "seed": "engine's business"},
    ],
)
def test_what_openai_allows_or_leaves_open_passes(said: dict[str, Any]) -> None:
    check_chat({"messages": MESSAGES, **said})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.1),
        ("temperature", -0.1),
        ("temperature", "1"),
        ("temperature", True),
        ("temperature", float("nan")),
        ("top_p", 1.5),
        ("presence_penalty", -3),
        ("frequency_penalty", 3),
        ("n", 0),
        ("n", 129),
        ("n", 1.0),
        ("max_tokens", -1),
        ("max_completion_tokens", 0),
        ("top_logprobs", 21),
        ("logprobs", 1),
        ("stream", "yes"),
        ("stop", ["a"] * 5),
        ("stop", [1]),
        ("stop", 1),
        ("logit_bias", []),
        ("logit_bias", {"1": 101}),
        ("logit_bias", {"1": None}),
        ("stream_options", {}),
        ("messages", []),
        ("messages", "hi"),
        ("messages", ["hi"]),
        ("messages", [{"content": "hi"}]),
        ("messages", None),
    ],
)
def test_what_a_chat_may_not_say_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=rf"^'{name}' must be ") as raised:
        check_chat({"messages": MESSAGES, name: value})
    assert raised.value.name == name


@pytest.mark.parametrize("prompt", ["hi", "", ["a", "b"], [1, 2], [[1], [2]]])
def test_every_form_of_a_prompt_passes(prompt: Any) -> None:
    check_completion({"prompt": prompt, "logprobs": 5})


@pytest.mark.parametrize(
    ("name", "value"), [("prompt", None), ("prompt", []), ("prompt", 5), ("logprobs", 6)]
)
def test_what_a_completion_may_not_say_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=rf"^'{name}' must be "):
        check_completion({"prompt": "hi", name: value})


def test_a_text_is_short_whatever_was_said() -> None:
    with pytest.raises(InvalidInput) as raised:
        check_chat({"messages": MESSAGES, "temperature": "x" * 10**6})
    assert len(str(raised.value)) < 300
