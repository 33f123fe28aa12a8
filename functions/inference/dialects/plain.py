"""The plain dialect, for people with curl.

`POST /predict/{model}` or `POST /{model}/predict` with `{"inputs": ...}` answers
`{"model": ..., "version": ..., "outputs": {...}}`. Inputs and outputs are nested lists by name; a
model with one input takes the bare list too. Bodies are plain JSON, which has no NaN and no
Infinity: they are refused in a request, and null in an answer.
"""

from types import MappingProxyType
from typing import Any

import numpy as np

from functions.inference import json_codec
from functions.inference.errors import (
    InferenceError,
    MalformedRequest,
)
from functions.inference.exchange import Call, Response, headers_of, status_of
from functions.inference.predictor import ModelMetadata
from functions.inference.tensors import Array, check_names, from_json


def decode(document: Any, metadata: ModelMetadata) -> dict[str, Array]:
    """Arrays by name from a request's document.

    Raises:
        MalformedRequest: it is no object with the one key `inputs`.
        InvalidInput: an input cannot be read as the signature's datatype.
    """
    if not isinstance(document, dict) or set(document) != {"inputs"}:
        raise MalformedRequest('send a JSON object with the one key "inputs"')
    inputs = document["inputs"]
    if not isinstance(inputs, dict):
        if len(metadata.inputs) != 1:
            names = ", ".join(spec.name for spec in metadata.inputs)
            raise MalformedRequest(f'"inputs" must be an object with the keys {names}')
        inputs = {metadata.inputs[0].name: inputs}
    check_names(inputs, metadata.inputs)
    return {
        spec.name: from_json(inputs[spec.name], spec.name, spec.datatype)
        for spec in metadata.inputs
    }


def encode(metadata: ModelMetadata, outputs: dict[str, Array]) -> bytes:
    """The answer's body."""
    document = {
        "model": metadata.name,
        "version": metadata.version,
        "outputs": {name: to_text(array) for name, array in outputs.items()},
    }
    return json_codec.dumps(document, bare_tokens=False)


def to_text(array: Array) -> Any:
    """An array that JSON can carry: byte strings become text, bytes that are no UTF-8 marked."""
    if array.dtype != np.object_:
        return array
    texts = np.empty(array.shape, np.object_)
    texts.flat[:] = [item.decode(errors="replace") for item in array.flat]
    return texts.tolist()


def error_response(error: InferenceError) -> Response:
    """`{"error": "..."}` with the status that HTTP has for it."""
    body = json_codec.dumps({"error": str(error)})
    return Response(status_of(error), body, headers=headers_of(error))


def _predict(call: Call) -> Response:
    predictor = call.predictor()
    inputs = decode(json_codec.loads(call.request.body, bare_tokens=False), predictor.metadata)
    outputs = call.predict(predictor, inputs)
    return Response(200, encode(predictor.metadata, outputs))


OPERATIONS = MappingProxyType({"predict": _predict})
