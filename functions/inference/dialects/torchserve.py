"""TorchServe's inference API: predictions for a raw body or a form.

In TorchServe a handler decides what a request and an answer contain. This handler accepts JSON (a
bare value, `{"data": ...}`, the inputs by name, or KServe's `{"instances": ...}`) and the types of
`media_requests`, and returns the only output as it is, or several outputs by name.

Formats: https://pytorch.org/serve/inference_api.html.
"""

from collections.abc import Mapping
from typing import Any

from lading.functions.contract.dialects.torchserve import UNCACHED
from lading.functions.contract.errors import UnexpectedInput
from lading.functions.inference.dialects import plain, tensorflow_serving
from lading.functions.inference.models.call import Call, Operation, Predicting, imported_late
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import BYTES, Array, datatype_of
from lading.functions.inference.wire import media_requests
from lading.functions.inference.wire.messages import JSON, Response
from lading.functions.inference.wire.multipart import MULTIPART, FormField, read_parts

_JSON_TYPES = (JSON, "application/x-www-form-urlencoded", "")
_BARE = ("data", "body")
"""Names that TorchServe's own handlers give the only input of a request."""


def named_version(call: Call) -> Call:
    """Return the call with Lading's version: TorchServe's `1.0` is 1, a word is a label."""
    version = call.parameters.get("version", "")
    number = version.removesuffix(".0")
    if not version or number.isdecimal():
        return call._replace(parameters={**call.parameters, "version": number}) if version else call
    model = call.parameters["model"]
    return call._replace(parameters={"model": model, "label": version})


def predict(call: Call) -> Predicting:
    """Answer a prediction; see the module."""
    call = named_version(call)
    predictor = call.predictor()
    given = call.request.headers.get("content-type", "")
    if media_requests.split_type(given)[0] == MULTIPART:
        parts = read_parts(given, call.request.body)
        inputs = _decode_form(parts, predictor.metadata)
    elif not _is_json(given, call.request.body):
        inputs = media_requests.decode(_media_type(given), call.request.body, predictor.metadata)
    elif not predictor.metadata.inputs and not call.request.body:
        inputs = {}
    else:
        document = json_codec.loads(call.request.body)
        if isinstance(document, dict) and "instances" in document:
            return (yield from tensorflow_serving.predict_document(predictor, document))
        inputs = _decode(document, predictor.metadata)
    return _answer((yield Prediction(predictor, inputs)))


def _is_json(content_type: str, body: bytes) -> bool:
    """Return whether a body is JSON, by its type, or by its beginning if the type is unclear.

    curl sends a file as octets unless it knows the suffix, and without a type with -T, as in
    TorchServe's guide: JSON begins with an ASCII character, a JPEG or PNG file does not.
    """
    essence, start = media_requests.split_type(content_type)[0], body[:64].lstrip()[:1]
    if essence == media_requests.OCTETS:
        return start in (b"{", b"[")
    return essence in _JSON_TYPES and start.isascii()


def _media_type(content_type: str) -> str:
    """Return the type of a body that is not JSON: octets if the type is missing."""
    is_media = media_requests.split_type(content_type)[0] not in _JSON_TYPES
    return content_type if is_media else media_requests.OCTETS


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


def _decode_form(parts: Mapping[str, FormField], metadata: ModelMetadata) -> dict[str, Array]:
    """Decode a form: a single part is the only input, several parts are inputs by name."""
    if len(parts) == 1:
        (part,) = parts.values()
        return _decode_part(part, metadata)
    inputs: dict[str, Array] = {}
    for name, part in parts.items():
        specs = tuple(spec for spec in metadata.inputs if spec.name == name)
        if not specs:
            raise UnexpectedInput(name, [spec.name for spec in metadata.inputs])
        inputs |= _decode_part(part, metadata._replace(inputs=specs))
    return inputs


def _decode_part(part: FormField, metadata: ModelMetadata) -> dict[str, Array]:
    if _is_json(part.content_type, part.content):
        return _decode(json_codec.loads(part.content), metadata)
    return media_requests.decode(_media_type(part.content_type), part.content, metadata)


def _answer(outputs: dict[str, Array]) -> Response:
    """Answer with the only output as it is, or with several outputs by name.

    One value for one instance is a scalar, 0.5 for [0.5]: a TorchServe handler answers each request
    of a batch separately.
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


OPERATIONS: Mapping[str, Operation] = {
    "predict": predict,
    "explain": imported_late("lading.functions.inference.dialects.explanations", "explain_bare"),
}
