"""OpenAI's chat and text completions, which a language model's engine answers; embeddings.

The engine gets the caller's JSON with the engine's name of the model, and the caller gets the
engine's answer with Lading's name, whole or as a stream of server-sent events. A stream that breaks
ends without `[DONE]`, with an event that holds OpenAI's error object, which OpenAI's clients raise.

Formats: https://platform.openai.com/docs/api-reference. The list of models is answered where
TensorFlow Serving's `/v1/models` is (docs/adr/0021).
"""

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any

from lading.functions.contract.dialects.openai import engine_error, refuse
from lading.functions.contract.errors import (
    InvalidInput,
    MalformedRequest,
    PredictionFailed,
    Unsupported,
)
from lading.functions.inference.dialects.openai_parameters import check_chat, check_completion
from lading.functions.inference.models.call import Call, Operation, Predicting
from lading.functions.inference.models.predictor import Predictor, TextModel, continuing
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.wire.event_stream import stream_events
from lading.functions.inference.wire.messages import Response, StreamedResponse
from lading.functions.inference.wire.server_sent_events import DONE, read_events, write_event


def _chat(call: Call) -> Response | StreamedResponse:
    return _pass_through(call, check_chat)


def _complete(call: Call) -> Response | StreamedResponse:
    return _pass_through(call, check_completion)


def _pass_through(
    call: Call, check: Callable[[Mapping[str, Any]], None]
) -> Response | StreamedResponse:
    document = json_codec.loads_object(call.request.body, exactly=True)
    model = _language_model(call, document.pop("model", None))
    check(document)
    if model.engine_model:
        document["model"] = model.engine_model
    if not document.get("stream"):
        return call.complete(model, document, lambda answer: Response(200, _renamed(answer, model)))
    call.observation.compute_started = perf_counter()
    with continuing(call.observation.trace):
        parts = model.stream(document)
    return stream_events(
        parts,
        lambda parts: _events(parts, model),
        lambda error: json_codec.dumps(refuse(error, "")[1], bare_tokens=False),
        call.observation,
    )


def _embed(call: Call) -> Response | Predicting:
    from lading.functions.inference.dialects.openai_embeddings import embed

    document = json_codec.loads_object(call.request.body, exactly=True)
    predictor = _find(call, document.get("model"))
    model = predictor.language_model
    if model is None:
        return embed(predictor, document)
    document.pop("model", None)
    if model.engine_model:
        document["model"] = model.engine_model
    return call.complete(model, document, lambda answer: Response(200, _renamed(answer, model)))


def _find(call: Call, name: Any) -> Predictor:
    """Find the model that the body names; the only model when it names none.

    Raises:
        InvalidInput: the body does not name a model.
        NotFound: no such model is served here.
    """
    names = call.catalog.names()
    if not isinstance(name, str | None) or (not name and len(names) != 1):
        raise InvalidInput("model", "", f"'model' must name one of the models: {', '.join(names)}")
    named = Call(call.request, call.catalog, {"model": name} if name else {}, call.observation)
    return named.predictor()


def _language_model(call: Call, name: Any) -> TextModel:
    """Find the language model that the body names; see `_find`.

    Raises:
        Unsupported: it is not a language model.
    """
    predictor = _find(call, name)
    if predictor.language_model is None:
        raise Unsupported(
            f"model '{predictor.metadata.name}' is not a language model; "
            "use /predict or /v2/models/.../infer"
        )
    return predictor.language_model


def _renamed(answer: bytes, model: TextModel) -> bytes:
    """Put Lading's name of the model into the engine's answer.

    Raises:
        PredictionFailed: the answer is not a JSON object.
    """
    try:
        document = json_codec.loads_exactly(answer)
    except MalformedRequest as error:
        raise _unreadable(model, str(error)) from error
    if not isinstance(document, dict):
        raise _unreadable(model, "it is not an object")
    if "model" in document:
        document["model"] = model.metadata.name
    return json_codec.dumps(document, bare_tokens=False)


def _events(parts: Iterator[bytes], model: TextModel) -> Iterator[bytes]:
    """Pass on the engine's events.

    Raises:
        PredictionFailed: the events end too early, contain an error, or cannot be read.
    """
    finished = False
    try:
        for data in read_events(parts):
            if data == DONE:
                yield write_event(DONE)
                return
            renamed = _renamed(data, model)
            if b'"error"' in data and (reported := engine_error(data.decode())):
                raise _unreadable(model, reported["message"])
            finished = finished or b'"finish_reason":"' in renamed
            yield write_event(renamed)
    except ValueError as error:
        raise _unreadable(model, str(error)) from error
    if not finished:
        raise _unreadable(model, "it ends before it is complete")
    yield write_event(DONE)


def _unreadable(model: TextModel, reason: str) -> PredictionFailed:
    name, version = model.metadata.name, model.metadata.version
    return PredictionFailed(name, version, f"its engine's answer: {reason}")


OPERATIONS: Mapping[str, Operation] = {"chat": _chat, "complete": _complete, "embed": _embed}
