"""Triton's generate extension: a text in, a text out, whole or as a stream.

`text_input` is the prompt; the keys of `parameters`, and other keys of the request, go to the
engine as OpenAI's parameters of a text completion. A stream consists of server-sent events, each
with a part of the text in `text_output`; one that breaks ends with an event that holds `error`.

Format: https://github.com/triton-inference-server/server, `docs/protocol/extension_generate.md`.
"""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

from lading.functions.contract.errors import (
    InvalidInput,
    MalformedRequest,
    PredictionFailed,
    Unsupported,
)
from lading.functions.inference.dialects.openai_parameters import check_completion
from lading.functions.inference.models.call import Call
from lading.functions.inference.models.predictor import TextModel, continuing
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.wire.event_stream import stream_events
from lading.functions.inference.wire.messages import Response, StreamedResponse, json_response
from lading.functions.inference.wire.server_sent_events import DONE, read_events, write_event

_OURS = ("text_input", "parameters", "id", "stream")


def generate(call: Call) -> Response:
    """Answer with the whole text.

    Raises:
        InferenceError: the request is wrong, or the engine does not answer.
    """
    model, prompt = _read(call)
    return call.complete(model, prompt, lambda answer: json_response(_part(model, answer)[0]))


def generate_stream(call: Call) -> StreamedResponse:
    """Answer with the text as a stream.

    Raises:
        InferenceError: the request is wrong, or not even the first part arrives.
    """
    model, prompt = _read(call)
    call.observation.compute_started = perf_counter()
    with continuing(call.observation.trace):
        parts = model.stream({**prompt, "stream": True})
    return stream_events(
        parts,
        lambda parts: _events(parts, model),
        lambda error: json_codec.dumps({"error": str(error)}),
        call.observation,
    )


def _read(call: Call) -> tuple[TextModel, dict[str, Any]]:
    """Read the model of the path, and the request to its engine."""
    predictor = call.predictor()
    model = predictor.language_model
    if model is None:
        name = predictor.metadata.name
        raise Unsupported(f"model '{name}' is not a language model; use /v2/models/{name}/infer")
    document = json_codec.loads_object(call.request.body, exactly=True)
    text, parameters = document.get("text_input"), document.get("parameters", {})
    if not isinstance(text, str):
        raise InvalidInput("text_input", "must be a string")
    if not isinstance(parameters, dict):
        raise MalformedRequest("'parameters' must be a JSON object")
    merged = {**{key: document[key] for key in document if key not in _OURS}, **parameters}
    prompt = {**merged, "prompt": text, "stream": False}
    check_completion(prompt)
    if model.engine_model:
        prompt["model"] = model.engine_model
    return model, prompt


def _part(model: TextModel, answer: bytes) -> tuple[dict[str, Any], bool]:
    """Turn an engine's completion, or a part of one, into Triton's, and say if it is the last.

    Raises:
        PredictionFailed: it is not a completion.
    """
    try:
        choices = json_codec.loads_exactly(answer)["choices"]
        text = "".join(choice["text"] for choice in choices)
        last = any(choice.get("finish_reason") for choice in choices)
    except (MalformedRequest, LookupError, TypeError) as error:
        raise _unreadable(model, "is not a text completion") from error
    name, version = model.metadata.name, model.metadata.version
    return {"model_name": name, "model_version": str(version), "text_output": text}, last


def _events(parts: Iterator[bytes], model: TextModel) -> Iterator[bytes]:
    """Turn the engine's events into Triton's; some engines end without a last event.

    Raises:
        PredictionFailed: the events end too early, or cannot be read.
    """
    finished = False
    try:
        for data in read_events(parts):
            if data == DONE:
                return
            part, last = _part(model, data)
            finished = finished or last
            yield write_event(json_codec.dumps(part))
    except ValueError as error:
        raise _unreadable(model, f"cannot be read: {error}") from error
    if not finished:
        raise _unreadable(model, "ends before it is complete")


def _unreadable(model: TextModel, reason: str) -> PredictionFailed:
    name, version = model.metadata.name, model.metadata.version
    return PredictionFailed(name, version, f"its engine's answer {reason}")
