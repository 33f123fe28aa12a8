"""Values in TensorFlow Serving's JSON, to arrays and back: rows, columns and `{"b64": ...}`.

Shapes and texts are those of the server's sources (`util/json_tensor.cc`).
"""

from base64 import b64encode
from types import MappingProxyType
from typing import Any

import numpy as np

from lading.functions.contract.errors import InvalidOutput, MalformedRequest, Unsupported
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import (
    BYTES,
    RAW_ONLY,
    Array,
    datatype_of,
    from_json,
    is_b64,
)
from lading.functions.inference.tensors.json_values import to_text

_COLUMNS = "(send 'inputs' in place of 'instances' for an answer by output)"
_NAMES = MappingProxyType({"FP16": "half", "BF16": "bfloat16"})


def decode_rows(rows: Any, metadata: ModelMetadata) -> dict[str, Array]:
    """Decode `instances`: a list of values, or of objects with every input."""
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


def decode_columns(columns: Any, metadata: ModelMetadata) -> dict[str, Array]:
    """Decode `inputs`: one bare value, or an object; unknown keys are ignored."""
    if not isinstance(columns, dict) or is_b64(columns):
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
    if spec.datatype in RAW_ONLY:
        kind = _NAMES[spec.datatype]
        raise Unsupported(f"Conversion of JSON Value to type: {kind} (input '{spec.name}')")
    return from_json(value, spec.name, spec.datatype)


def _is_named(row: Any) -> bool:
    """Return whether a row has its inputs by name; `{"b64": ...}` is a value."""
    return isinstance(row, dict) and not is_b64(row)


def have_rows(outputs: dict[str, Array]) -> bool:
    """Return whether all outputs have the same number of rows."""
    sizes = {array.shape[:1] for array in outputs.values()}
    return len(sizes) == 1 and () not in sizes


def _check_batch(outputs: dict[str, Array]) -> None:
    """Check that all outputs have the same number of rows; the texts begin as the server's."""
    batch = -1
    for name, array in outputs.items():
        if not array.ndim:
            raise MalformedRequest(f"Tensor name: {name} has no shape information {_COLUMNS}")
        if batch not in (-1, len(array)):
            raise MalformedRequest(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {batch} {_COLUMNS}"
            )
        batch = len(array)


def encode_rows(outputs: dict[str, Array]) -> dict[str, Any]:
    """Encode `predictions`: one item for each row; a single output is bare."""
    _check_batch(outputs)
    values = {name: _value(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    columns = map(json_codec.rows_of, values.values())
    rows = [dict(zip(values, row, strict=True)) for row in zip(*columns, strict=True)]
    return {"predictions": rows}


def encode_columns(outputs: dict[str, Array]) -> dict[str, Any]:
    """Encode `outputs`: an object by name; a single output is bare."""
    values = {name: _value(name, array) for name, array in outputs.items()}
    return {"outputs": next(iter(values.values())) if len(values) == 1 else values}


def _value(name: str, array: Array) -> Any:
    datatype = datatype_of(array)
    if datatype in RAW_ONLY:
        text = f"Failed to write JSON value for tensor type: {_NAMES[datatype]}"
        raise InvalidOutput(name, f"is {datatype}", text)
    if datatype != BYTES or not name.endswith("_bytes"):
        return to_text(array)
    wrapped = np.empty(array.shape, np.object_)
    wrapped.flat[:] = [{"b64": b64encode(item).decode()} for item in array.flat]
    return wrapped.tolist()


def _names(metadata: ModelMetadata) -> str:
    return ",".join(sorted(spec.name for spec in metadata.inputs))
