"""Rows that are arrays already, as in npz and Parquet files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lading.batch.errors import InputUnusable
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.batches.rows import Rows
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import BF16, DTYPES, Array, from_json

_WIDE = {"i": np.int64, "u": np.uint64, "f": np.float64}


@dataclass(frozen=True, slots=True)
class ArrayRows(Rows):
    """Columns of arrays: one for each input; or a number each, which together are the only input.

    Args:
        columns: the arrays by name, whose first axis are the rows.
    """

    columns: Mapping[str, Array]

    def __len__(self) -> int:
        """See `Rows`."""
        return len(next(iter(self.columns.values()), ()))

    def sizes(self) -> Sequence[int]:
        """See `Rows.sizes`; only texts differ."""
        texts = [array for array in self.columns.values() if array.dtype.kind in "OSU"]
        return [
            sum(len(array[place]) for array in texts if array.ndim == 1)
            for place in range(len(self))
        ]

    def taken(self, places: Sequence[int]) -> "ArrayRows":
        """See `Rows.taken`."""
        chosen = _slice(places)
        return ArrayRows({name: array[chosen] for name, array in self.columns.items()})

    def inputs(self, metadata: ModelMetadata) -> dict[str, Array]:
        """See `Rows.inputs`."""
        if is_table(tuple(self.columns), metadata):
            (spec,) = metadata.inputs
            return {spec.name: as_input(np.column_stack([*self.columns.values()]), spec)}
        if len(metadata.inputs) == 1 == len(self.columns):
            (spec,), (column,) = metadata.inputs, self.columns.values()
            return {spec.name: as_input(column, spec)}
        return {spec.name: as_input(self.columns[spec.name], spec) for spec in metadata.inputs}


def _slice(places: Sequence[int]) -> slice | list[int]:
    """Return places in a row as a slice, which copies nothing."""
    if isinstance(places, range) and places.step == 1:
        return slice(places.start, places.stop)
    return list(places)


def is_table(names: Sequence[str], metadata: ModelMetadata) -> bool:
    """Return whether the columns together are the only input."""
    if len(metadata.inputs) != 1 or metadata.inputs[0].name in names:
        return False
    return len(metadata.inputs[0].shape) == 2 and len(names) > 1  # noqa: PLR2004


def check_columns(source: str, names: Sequence[str], metadata: ModelMetadata) -> None:
    """Check that the columns are those of the model.

    Raises:
        InputUnusable: one is missing, or there are more.
    """
    wanted = [spec.name for spec in metadata.inputs]
    if is_table(names, metadata):
        width = metadata.inputs[0].shape[1]
        if width not in (-1, len(names)):
            reason = f"has {len(names)} columns; the model requires {width} numbers a row"
            raise InputUnusable(source, reason)
    elif sorted(names) != sorted(wanted) and not (len(names) == 1 == len(wanted)):
        listed = ", ".join(names)
        raise InputUnusable(
            source, f"has the columns {listed}; the model requires {', '.join(wanted)}"
        )


def as_input(array: Array, spec: TensorSpec) -> Array:
    """Return an array as an input of the model.

    Numbers are checked as in a request: none is rounded to an integer, and none is out of range.

    Raises:
        InvalidInput: they do not fit the input.
    """
    if array.dtype.kind in "OSU":
        found = from_json(array.tolist(), spec.name, spec.datatype)
    elif (
        array.dtype == DTYPES[spec.datatype] and spec.datatype != BF16
    ) or array.dtype.kind == "b":
        found = np.ascontiguousarray(array)
    else:
        found = from_json(array.astype(_WIDE[array.dtype.kind]), spec.name, spec.datatype)
    alone = found.ndim == 1 and len(spec.shape) == 2  # noqa: PLR2004 a column of one number a row
    return found.reshape(-1, 1) if alone else found
