"""Values of a Python program become the arrays of a model's inputs.

A data frame of pandas or polars is read by its columns, without importing either library.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np

from lading.api.errors import InputUnreadable
from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.dialects import plain
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.holdout import SINGLE_INPUT, arrays_of
from lading.model_packaging.tables.table import Column, Table, Unreadable

_NUMBERS: Final = "biuf"
"""numpy's kinds of truth values and numbers."""


def is_frame(value: Any) -> bool:
    """Return whether a value is a data frame."""
    return hasattr(value, "columns") and hasattr(value, "__getitem__")


def as_inputs(given: Any, metadata: ModelMetadata) -> dict[str, Array]:
    """Return the arrays of a request.

    Args:
        given: a data frame; an array for each input by its name; an array, or nested lists, of the
            only input; a list of records; or bytes, the content of an image.
        metadata: the model's inputs.

    Raises:
        InputUnreadable: a column is missing, or has values of another type.
        InferenceError: a value does not fit the signature.
    """
    if isinstance(given, bytes):
        given = [{"b64": b64encode(given).decode()}]
    table = as_table(given)
    only = [spec.name for spec in metadata.inputs]
    if table is not None and is_frame(given) and len(only) == 1 and only[0] not in table:
        table = {SINGLE_INPUT: column_of(np.asarray(given))}  # a matrix, in the frame's order
    if table is None:
        return plain.decode({"inputs": given}, metadata)
    try:
        return arrays_of(table, metadata.inputs)
    except (Unreadable, InvalidInput) as error:
        raise InputUnreadable(f"model '{metadata.name}'", str(error)) from error


def as_table(given: Any) -> Table | None:
    """Return the columns of a frame, of a mapping or of one array; None for other values."""
    if is_frame(given):
        return {str(name): column_of(given[name]) for name in given.columns}
    if isinstance(given, Mapping):
        return {str(name): column_of(values) for name, values in given.items()}
    return {SINGLE_INPUT: column_of(given)} if hasattr(given, "dtype") else None


def column_of(values: Any) -> Column:
    """Return a column: an array of numbers, or else JSON values, with None for a missing one."""
    array = values if isinstance(values, np.ndarray) else None
    if array is None and getattr(getattr(values, "dtype", None), "kind", "") in _NUMBERS:
        array = np.asarray(values)  # a series without missing integers
    if array is not None and array.dtype.kind in _NUMBERS:
        return array
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    return [_plain(value) for value in listed]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, float) and value != value:  # noqa: PLR0124 NaN
        return None
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, date) else value
