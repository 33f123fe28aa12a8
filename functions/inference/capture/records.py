"""The record of a prediction that was made: only the fields that may be kept."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from lading.functions.contract.captured import CapturedRequest, Payload
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.json_values import dumps

_COLUMN: Final = re.compile(r"(.+)\[([0-9]{1,6})\]")
_ROWS_OF_COLUMNS: Final = 2


def record_of(
    identity: str, made: Prediction, outputs: Mapping[str, Array], fields: Sequence[str] = ()
) -> CapturedRequest:
    """Return the record of a request.

    Args:
        identity: the request's id.
        made: the prediction.
        outputs: what the model answered.
        fields: names of the inputs and outputs that are kept; empty: all.
    """
    metadata = made.predictor.metadata
    answer = {
        "model": metadata.name,
        "version": metadata.version,
        "outputs": _kept(outputs, fields),
    }
    return CapturedRequest(
        id=identity,
        at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        request=Payload(dumps({"inputs": _kept(made.inputs, fields)})),
        answer=Payload(dumps(answer)),
        model=metadata.name,
        version=metadata.version,
    )


def is_column(field: str) -> tuple[str, int] | None:
    """Return tensor and place of a field such as `x[3]`; None of a whole tensor.

    >>> is_column("x[3]"), is_column("age")
    (('x', 3), None)
    """
    found = _COLUMN.fullmatch(field)
    return (found[1], int(found[2])) if found else None


def has_field(metadata: ModelMetadata, field: str) -> bool:
    """Return whether a signature has a field."""
    tensors = {spec.name: spec.shape for spec in (*metadata.inputs, *metadata.outputs)}
    column = is_column(field)
    if field in tensors or column is None:
        return field in tensors
    shape = tensors.get(column[0], ())
    return len(shape) == _ROWS_OF_COLUMNS and (shape[1] < 0 or column[1] < shape[1])


def size_of(arrays: Mapping[str, Array], fields: Sequence[str]) -> int:
    """Return about how many bytes the allowed tensors have; single columns count nothing."""
    return sum(
        sum(map(len, array.ravel().tolist())) if array.dtype.kind == "O" else array.nbytes
        for name, array in arrays.items()
        if not fields or name in fields
    )


def _kept(arrays: Mapping[str, Array], fields: Sequence[str]) -> dict[str, Any]:
    if not fields:
        return {name: _for_json(array) for name, array in arrays.items()}
    kept: dict[str, Any] = {}
    for field in fields:
        column = is_column(field)
        if field in arrays:
            kept[field] = _for_json(arrays[field])
        elif column is not None and _has_column(arrays.get(column[0]), column[1]):
            kept[field] = _for_json(arrays[column[0]][:, column[1]])
    return kept


def _has_column(array: Array | None, place: int) -> bool:
    return array is not None and array.ndim == _ROWS_OF_COLUMNS and place < array.shape[1]


def _for_json(array: Array) -> Any:
    """Return an array for `dumps`, as the plain dialect reads it.

    Bytes that are not text are `{"b64": "..."}`.
    """
    if array.dtype.kind != "O":
        return array
    texts = np.empty(array.shape, np.object_)
    texts.flat[:] = [_text(item) for item in array.flat]
    return texts.tolist()


def _text(item: bytes | str) -> Any:
    if isinstance(item, str):
        return item
    try:
        return item.decode()
    except UnicodeDecodeError:
        from pybase64 import b64encode

        return {"b64": b64encode(item).decode()}
