"""The plain dialect, for people with curl.

`POST /predict/{model}` or `POST /{model}/predict` with `{"inputs": ...}` answers
`{"model": ..., "version": ..., "outputs": {...}}`. Inputs and outputs are nested lists by name; a
model with one input also accepts the bare list, and a model of columns a list of records, an object
for each row. A missing value is null, or NaN from clients that only write that; an answer is plain
JSON, so NaN and Infinity become null. `media_requests` reads bodies of other types, and the Accept
header chooses the type of the answer.
"""

from collections.abc import Mapping
from typing import Any

from lading.functions.contract.errors import MalformedRequest
from lading.functions.inference.models.call import Call, Operation, Predicting, imported_late
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import Array, check_names, from_json, is_b64
from lading.functions.inference.wire.messages import JSON, Response

_ANYTHING = (JSON, "*/*", "")
_JSON_TYPES = (JSON, "application/x-www-form-urlencoded", "")


def decode(document: Any, metadata: ModelMetadata) -> dict[str, Array]:
    """Decode arrays by name from a request's document.

    Raises:
        MalformedRequest: it is not an object with the one key `inputs`.
        InvalidInput: an input cannot be read as the signature's datatype.
    """
    if not isinstance(document, dict) or set(document) != {"inputs"}:
        raise MalformedRequest('the request must be a JSON object with the one key "inputs"')
    inputs = document["inputs"]
    if type(inputs) is list and inputs and type(inputs[0]) is dict and not is_b64(inputs[0]):
        from lading.functions.inference.tensors.records import columns_of

        inputs = columns_of(inputs, metadata.inputs)
    if not isinstance(inputs, dict):
        if not metadata.inputs and isinstance(inputs, list) and not inputs:
            return {}
        if len(metadata.inputs) != 1:
            names = ", ".join(spec.name for spec in metadata.inputs)
            wanted = f"with the keys {names}" if names else "without keys: the model has no inputs"
            raise MalformedRequest(f'"inputs" must be an object {wanted}')
        inputs = {metadata.inputs[0].name: inputs}
    check_names(inputs, metadata.inputs)
    return {
        spec.name: from_json(inputs[spec.name], spec.name, spec.datatype)
        for spec in metadata.inputs
    }


def encode(metadata: ModelMetadata, outputs: dict[str, Array]) -> bytes:
    """Encode the body of an answer."""
    document = {
        "model": metadata.name,
        "version": metadata.version,
        "outputs": {name: json_codec.to_text(array) for name, array in outputs.items()},
    }
    return json_codec.dumps(document, bare_tokens=False)


def predict(call: Call) -> Predicting:
    """Answer a prediction; see the module."""
    predictor = call.predictor()
    headers = call.request.headers
    given, accept = headers.get("content-type", JSON), headers.get("accept", JSON)
    wanted = JSON if accept in _ANYTHING else _choose(accept)
    inputs = _decode(given, call.request.body, predictor.metadata)
    outputs = yield Prediction(predictor, inputs)
    return _encode(wanted, predictor.metadata, outputs)


def _encode(content_type: str, metadata: ModelMetadata, outputs: dict[str, Array]) -> Response:
    if content_type == JSON:
        return Response(200, encode(metadata, outputs))
    from lading.functions.inference.wire import media_answers

    return Response(200, media_answers.encode(content_type, outputs), content_type)


def _choose(accept: str) -> str:
    from lading.functions.inference.wire import media_answers

    return media_answers.choose(accept)


def _decode(content_type: str, body: bytes, metadata: ModelMetadata) -> dict[str, Array]:
    """Decode a body by its type; curl's default type means JSON too."""
    if content_type not in _JSON_TYPES:
        from lading.functions.inference.wire import media_requests

        if media_requests.split_type(content_type)[0] not in _JSON_TYPES:
            return media_requests.decode(content_type, body, metadata)
    return decode(json_codec.loads(body), metadata)


OPERATIONS: Mapping[str, Operation] = {
    "predict": predict,
    "explain": imported_late("lading.functions.inference.dialects.explanations", "explain_plainly"),
}
