"""TorchServe's inference API: predictions of a raw body or a form, errors as its triple.

What a TorchServe handler returns is the handler's business; this is one that takes JSON (a bare
value, `{"data": ...}`, the inputs by name, or KServe's `{"instances": ...}`) and what
`media_requests` reads, and returns the model's only output as it is, several by name.

Formats: https://pytorch.org/serve/inference_api.html; the names of errors and their texts are those
of the server's front end (`http/InferenceRequestHandler.java` and its exceptions).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from lading.functions.contract.dialects.torchserve import UNCACHED
from lading.functions.contract.errors import (
    UnexpectedInput,
    Unsupported,
)
from lading.functions.inference.dialects import plain, tensorflow_serving
from lading.functions.inference.models.call import Call
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import BYTES, Array, datatype_of
from lading.functions.inference.wire import media_requests
from lading.functions.inference.wire.messages import JSON, Response
from lading.functions.inference.wire.multipart import MULTIPART, Part, read_parts

_JSON_TYPES = (JSON, "application/x-www-form-urlencoded", "")
_BARE = ("data", "body")
"""What TorchServe's own handlers call the one input of a request."""


def named_version(call: Call) -> Call:
    """The call with its version as Lading has it: TorchServe's `1.0` is 1, a word is a label."""
    version = call.parameters.get("version", "")
    number = version.removesuffix(".0")
    if not version or number.isdecimal():
        return replace(call, parameters={**call.parameters, "version": number}) if version else call
    model = call.parameters["model"]
    return replace(call, parameters={"model": model, "label": version})


def _predict(call: Call) -> Response:
    call = named_version(call)
    predictor = call.predictor()
    given = call.request.headers.get("content-type", "")
    if media_requests.split_type(given)[0] == MULTIPART:
        parts = read_parts(given, call.request.body)
        inputs = _decode_form(parts, predictor.metadata)
        return call.respond(predictor, inputs, _answer)
    if not _is_json(given, call.request.body):
        inputs = media_requests.decode(_media_type(given), call.request.body, predictor.metadata)
        return call.respond(predictor, inputs, _answer)
    if not predictor.metadata.inputs and not call.request.body:
        return call.respond(predictor, {}, _answer)
    document = json_codec.loads(call.request.body)
    if isinstance(document, dict) and "instances" in document:
        return tensorflow_serving.predict_document(call, predictor, document)
    return call.respond(predictor, _decode(document, predictor.metadata), _answer)


def _is_json(content_type: str, body: bytes) -> bool:
    """Whether a body is JSON: it says so, says nothing, or is octets that begin as JSON does.

    curl calls a file octets unless it knows its name's end, and with -T, as TorchServe's guide has
    it, says nothing: JSON begins with a character of ASCII, a JPEG or PNG file does not.
    """
    essence, start = media_requests.split_type(content_type)[0], body[:64].lstrip()[:1]
    if essence == media_requests.OCTETS:
        return start in (b"{", b"[")
    return essence in _JSON_TYPES and start.isascii()


def _media_type(content_type: str) -> str:
    """Of a body that is no JSON: octets where it says nothing."""
    said = media_requests.split_type(content_type)[0] not in _JSON_TYPES
    return content_type if said else media_requests.OCTETS


def _decode(document: Any, metadata: ModelMetadata) -> dict[str, Array]:
    names = {spec.name for spec in metadata.inputs}
    if isinstance(document, dict) and document.keys() != names:
        for bare in _BARE:
            if document.keys() == {bare}:
                document = document[bare]
                break
        else:
            document = document.get("inputs", document)
    return plain.decode({"inputs": document}, metadata)


def _decode_form(parts: Mapping[str, Part], metadata: ModelMetadata) -> dict[str, Array]:
    """One part is the whole input, under any name; of several each is the input of its name."""
    if len(parts) == 1:
        (part,) = parts.values()
        return _decode_part(part, metadata)
    inputs: dict[str, Array] = {}
    for name, part in parts.items():
        specs = tuple(spec for spec in metadata.inputs if spec.name == name)
        if not specs:
            raise UnexpectedInput(name, [spec.name for spec in metadata.inputs])
        inputs |= _decode_part(part, replace(metadata, inputs=specs))
    return inputs


def _decode_part(part: Part, metadata: ModelMetadata) -> dict[str, Array]:
    if _is_json(part.content_type, part.content):
        return _decode(json_codec.loads(part.content), metadata)
    return media_requests.decode(_media_type(part.content_type), part.content, metadata)


def _answer(outputs: dict[str, Array]) -> Response:
    """The only output as it is, several by name.

    One value for one instance is a scalar: a handler of TorchServe's answers for each request what
    is that request's own, as 0.5 of [0.5].
    """
    if len(outputs) == 1:
        (array,) = outputs.values()
        if datatype_of(array) == BYTES and array.size == 1:
            text = bytes(array.flat[0])
            return Response(200, text, "text/plain; charset=utf-8", UNCACHED)
        found = array.reshape(()) if array.shape == (1,) else array
        return Response(200, json_codec.dumps(json_codec.to_text(found)), headers=UNCACHED)
    document = {name: json_codec.to_text(array) for name, array in outputs.items()}
    return Response(200, json_codec.dumps(document), headers=UNCACHED)


def _explain(call: Call) -> Response:
    name, _ = named_version(call).find_version()
    raise Unsupported(f"Model {name} does not support explanations")


OPERATIONS: MappingProxyType[str, Callable[[Call], Response]] = MappingProxyType(
    {"predict": _predict, "explain": _explain}
)
