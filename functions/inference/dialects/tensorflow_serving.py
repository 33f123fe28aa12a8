"""TensorFlow Serving's REST API: predict in row and column form, status and metadata.

Shapes, texts and status codes are those of the server's own sources
(`model_servers/http_rest_api_handler.cc`, `util/json_tensor.cc`).
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from functions.inference import json_codec
from functions.inference.artifact import TensorSpec
from functions.inference.catalog import CatalogModel
from functions.inference.dialects.plain import to_text
from functions.inference.errors import (
    InferenceError,
    InvalidInput,
    InvalidOutput,
    LabelNotFound,
    MalformedRequest,
    MethodNotAllowed,
    ModelNotFound,
    ModelUnavailable,
    RouteNotFound,
    Unsupported,
    VersionNotFound,
    brief,
)
from functions.inference.exchange import Call, Response, headers_of, status_of
from functions.inference.predictor import ModelMetadata
from functions.inference.tensors import BYTES, MOST_DIMENSIONS, Array, datatype_of, from_json

SIGNATURE = "serving_default"
METHOD = "tensorflow/serving/predict"

_STATUSES = MappingProxyType({LabelNotFound: 400, RouteNotFound: 400, MethodNotAllowed: 400})
_DATATYPES = MappingProxyType(
    {
        "BOOL": "DT_BOOL",
        "UINT8": "DT_UINT8",
        "UINT16": "DT_UINT16",
        "UINT32": "DT_UINT32",
        "UINT64": "DT_UINT64",
        "INT8": "DT_INT8",
        "INT16": "DT_INT16",
        "INT32": "DT_INT32",
        "INT64": "DT_INT64",
        "FP16": "DT_HALF",
        "FP32": "DT_FLOAT",
        "FP64": "DT_DOUBLE",
        BYTES: "DT_STRING",
    }
)


def error_response(error: InferenceError) -> Response:
    """`{"error": "..."}` in the server's own words where clients look for them."""
    match error:
        case ModelNotFound():
            text = f"Servable not found for request: Latest({brief(error.name)})"
        case VersionNotFound():
            text = f"Servable not found for request: Specific({error.name}, {error.version})"
        case LabelNotFound():
            text = f"Unrecognized servable version label: {brief(error.label)}"
        case RouteNotFound(method="GET") if error.path.strip("/") == "v1/models":
            text = "Missing model name in request."
        case RouteNotFound() | MethodNotAllowed():
            text = f"Malformed request: {error.method} {brief(error.path)}"
        case _:
            text = str(error)
    return _error(error, text)


def _error(error: InferenceError, text: str) -> Response:
    body = json_codec.dumps({"error": text})
    return Response(status_of(error, _STATUSES), body, headers=headers_of(error))


def _predict(call: Call) -> Response:
    predictor = call.predictor()
    metadata = predictor.metadata
    document = json_codec.loads(call.request.body)
    if not isinstance(document, dict):
        raise MalformedRequest("the request must be a JSON object")
    _check_signature_name(document)
    if "instances" in document and "inputs" in document:
        raise MalformedRequest(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
        )
    if "instances" in document:
        inputs = _decode_rows(document["instances"], metadata)
        return _encode_rows(call.predict(predictor, inputs))
    if "inputs" in document:
        inputs = _decode_columns(document["inputs"], metadata)
        return _encode_columns(call.predict(predictor, inputs))
    raise MalformedRequest("Missing 'inputs' or 'instances' key")


def _check_signature_name(document: dict[str, Any]) -> None:
    name = document.get("signature_name", SIGNATURE)
    if not isinstance(name, str):
        raise MalformedRequest("'signature_name' key must be a string value.")
    if name not in ("", SIGNATURE):
        raise MalformedRequest(
            f'Serving signature name: "{brief(name)}" not found in signature def'
        )


def _decode_rows(rows: Any, metadata: ModelMetadata) -> dict[str, Array]:
    """`instances`: a list of values, or of objects with every input."""
    if not isinstance(rows, list | np.ndarray):
        raise MalformedRequest("Expecting 'instances' to be an list/array")
    if not len(rows):
        raise MalformedRequest("No values in 'instances' array")
    if isinstance(rows, list) and _is_named(rows[0]):
        return _decode_objects(rows, metadata)
    if len(metadata.inputs) != 1:
        raise MalformedRequest(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            f"required: {_names(metadata)}"
        )
    for item, row in enumerate(rows if isinstance(rows, list) else ()):
        if _is_named(row):
            raise MalformedRequest(
                f"Expecting value/list but got object at item {item} of input list"
            )
    return {metadata.inputs[0].name: _tensor(rows, metadata.inputs[0])}


def _decode_objects(rows: list[Any], metadata: ModelMetadata) -> dict[str, Array]:
    wanted = {spec.name for spec in metadata.inputs}
    for item, row in enumerate(rows):
        if not _is_named(row):
            raise MalformedRequest(f"Expecting object but got list at item {item} of input list")
        if row.keys() != wanted:
            raise MalformedRequest(
                f"Failed to process element: {item} of 'instances' list. "
                f"JSON object keys must be equal to: {_names(metadata)}"
            )
    return {spec.name: _tensor([row[spec.name] for row in rows], spec) for spec in metadata.inputs}


def _decode_columns(columns: Any, metadata: ModelMetadata) -> dict[str, Array]:
    """`inputs`: one bare value, or an object; keys that the signature lacks are ignored."""
    if not isinstance(columns, dict) or _is_b64(columns):
        if len(metadata.inputs) != 1:
            raise MalformedRequest(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                f"required: {_names(metadata)}"
            )
        return {metadata.inputs[0].name: _tensor(columns, metadata.inputs[0])}
    for spec in metadata.inputs:
        if spec.name not in columns:
            raise MalformedRequest(f"Missing named input: {spec.name} in 'inputs' object.")
    return {spec.name: _tensor(columns[spec.name], spec) for spec in metadata.inputs}


def _tensor(value: Any, spec: TensorSpec) -> Array:
    if spec.datatype == "FP16":
        raise Unsupported(f"Conversion of JSON Value to type: half (input '{spec.name}')")
    if spec.datatype == BYTES:
        value = _decode_b64(value, spec.name)
    return from_json(value, spec.name, spec.datatype)


def _is_named(row: Any) -> bool:
    """Whether a row gives its inputs by name; `{"b64": ...}` is a value."""
    return isinstance(row, dict) and not _is_b64(row)


def _is_b64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _decode_b64(value: Any, name: str, depth: int = 0) -> Any:
    """`value` with each `{"b64": "..."}` replaced by the bytes it stands for.

    Space and missing padding are taken, as the server takes them. Lists nested too deeply for a
    tensor are left for `from_json` to refuse.
    """
    if isinstance(value, list) and depth <= MOST_DIMENSIONS:
        return [_decode_b64(item, name, depth + 1) for item in value]
    if not _is_b64(value):
        return value
    text = "".join(value["b64"].split())
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(name, "holds a 'b64' that is not base64") from error


def _check_batch(outputs: dict[str, Array]) -> None:
    """Rows need outputs that agree on their number."""
    batch = -1
    for name, array in outputs.items():
        if not array.ndim:
            raise MalformedRequest(f"Tensor name: {name} has no shape information ")
        if batch not in (-1, len(array)):
            raise MalformedRequest(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch}"
            )
        batch = len(array)


def _encode_rows(outputs: dict[str, Array]) -> Response:
    """`predictions`: one item a row; a single output is bare."""
    _check_batch(outputs)
    values = {name: _value(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        return _json({"predictions": next(iter(values.values()))})
    columns = [json_codec.to_lists(value) for value in values.values()]
    rows = [dict(zip(values, row, strict=True)) for row in zip(*columns, strict=True)]
    return _json({"predictions": rows})


def _encode_columns(outputs: dict[str, Array]) -> Response:
    """`outputs`: an object by name; a single output is bare."""
    values = {name: _value(name, array) for name, array in outputs.items()}
    return _json({"outputs": next(iter(values.values())) if len(values) == 1 else values})


def _value(name: str, array: Array) -> Any:
    if datatype_of(array) == "FP16":
        text = "Failed to write JSON value for tensor type: half"
        raise InvalidOutput(name, "is FP16", text)
    if datatype_of(array) != BYTES or not name.endswith("_bytes"):
        return to_text(array)
    wrapped = np.empty(array.shape, np.object_)
    wrapped.flat[:] = [{"b64": b64encode(item).decode()} for item in array.flat]
    return wrapped.tolist()


def _status(call: Call) -> Response:
    try:
        model = call.model()
        if {"version", "label"} & call.parameters.keys():
            versions = [call.find_version()[1]]
        else:
            versions = sorted(model.versions, reverse=True)
    except ModelNotFound as error:
        call.observation.error = error
        return _error(error, f"Could not find any versions of model {brief(error.name)}")
    except VersionNotFound as error:
        call.observation.error = error
        return _error(error, f"Could not find version {error.version} of model {error.name}")
    return _json({"model_version_status": [_version_status(model, each) for each in versions]})


def _version_status(model: CatalogModel, version: int) -> dict[str, Any]:
    found = model.versions[version]
    failed = isinstance(found, ModelUnavailable)
    return {
        "version": str(version),
        "state": "END" if failed else "AVAILABLE",
        "status": {
            "error_code": "DATA_LOSS" if failed else "OK",
            "error_message": found.reason if isinstance(found, ModelUnavailable) else "",
        },
    }


def _metadata(call: Call) -> Response:
    metadata = call.predictor().metadata
    signature = {
        "inputs": {spec.name: _tensor_info(spec) for spec in metadata.inputs},
        "outputs": {spec.name: _tensor_info(spec) for spec in metadata.outputs},
        "method_name": METHOD,
    }
    return _json(
        {
            "model_spec": {
                "name": metadata.name,
                "signature_name": "",
                "version": str(metadata.version),
            },
            "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        }
    )


def _tensor_info(spec: TensorSpec) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in spec.shape]
    return {
        "dtype": _DATATYPES[spec.datatype],
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
        "name": f"{spec.name}:0",
    }


def _names(metadata: ModelMetadata) -> str:
    return ",".join(sorted(spec.name for spec in metadata.inputs))


def _json(document: Any) -> Response:
    return Response(200, json_codec.dumps(document))


OPERATIONS: MappingProxyType[str, Callable[[Call], Response]] = MappingProxyType(
    {"predict": _predict, "status": _status, "metadata": _metadata}
)
