"""Reads rows from files: held-out rows with their truth, or rows for calibration.

A file has a column for each input of the model, by its name, and for held-out rows the truth: `y`,
or the column that the manifest names. If a model has one input, that may also be called `X`, or
consist of all columns but the truth, in their order. For models of image files, see `image_rows`
for the column `image`.

A missing value (an empty cell, null) becomes what callers send for it: NaN in an input of floats,
the empty text in an input of BYTES. Other inputs and `y` cannot have missing values.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import (
    DTYPES,
    FLOATS,
    Array,
    as_datatype,
    check_signature,
    from_json,
)
from lading.model_packaging.check.samples import Samples, batch_of
from lading.model_packaging.conversion import as_bytes
from lading.model_packaging.errors import DataUnusable, Place
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.metrics import METRICS
from lading.model_packaging.steps.image_rows import IMAGE, read_images, takes_images
from lading.model_packaging.tables.registry import read_table
from lading.model_packaging.tables.table import Cells, Column, Table, Unreadable

TRUTH = "y"
SINGLE_INPUT = "X"

_MATRIX = 2


def read_holdout(
    spec: ModelSpec, inputs: Sequence[TensorSpec], *, images: bool | None = None
) -> Samples:
    """Read the held-out rows of the manifest, with their truth if the metric needs it.

    Args:
        spec: the model.
        inputs: what callers send.
        images: whether they send image files; None: as the manifest and the source say.

    Raises:
        DataUnusable: the file is damaged or empty, lacks a column, or does not fit the signature.
    """
    if spec.accuracy is None:
        raise ValueError(f"model '{spec.name}' has no accuracy section")
    truth = not METRICS[spec.accuracy.metric].relative
    place = spec.place("accuracy.data")
    return _FileReader(spec, spec.accuracy.data, place, images).read(inputs, truth=truth)


def read_rows(
    spec: ModelSpec,
    key: str,
    path: Path,
    inputs: Sequence[TensorSpec],
    *,
    images: bool | None = None,
) -> Samples:
    """Read rows without a truth from the file that the manifest names under `key`.

    `images` is as for `read_holdout`.

    Raises:
        DataUnusable: see `read_holdout`.
    """
    return _FileReader(spec, path, spec.place(key), images).read(inputs, truth=False)


def read_arrays(spec: ModelSpec, key: str, path: Path) -> dict[str, Array]:
    """Read the arrays of an .npz file that the manifest names under `key`, in its order.

    Raises:
        DataUnusable: the file is of another format, or damaged.
    """
    try:
        return {name: _array(column) for name, column in read_table(path).items()}
    except Unreadable as error:
        raise DataUnusable(spec.name, str(path), str(error), spec.place(key)) from error


def _array(column: Column) -> Array:
    if not isinstance(column, np.ndarray):
        raise Unreadable("must be an .npz file, whose arrays have dtypes")
    return column


class _FileReader:
    """Reads one file; its errors name the place in the manifest."""

    def __init__(self, spec: ModelSpec, path: Path, place: Place, images: bool | None) -> None:
        self._model, self._path, self._place = spec.name, path, place
        self._images = takes_images(spec) if images is None else images
        self._truth = spec.accuracy.truth if spec.accuracy else TRUTH
        self._slices = spec.evaluate.slices if spec.evaluate else ()

    def read(self, specs: Sequence[TensorSpec], *, truth: bool) -> Samples:
        try:
            table = _with_truth(read_table(self._path), self._truth)
            table = _without(table, self._slices, specs)
            inputs = {spec.name: self._input(table, spec, specs) for spec in specs}
            check_signature(inputs, [_any_rows(spec) for spec in specs])
            right = _truth(table) if truth else None
        except Unreadable as error:
            raise self._refusal(str(error)) from error
        except InvalidInput as error:
            raise self._refusal(f"does not fit the model: {error}") from error
        samples = Samples(
            self._model, str(self._path), inputs, 0, batch_of(specs), right, self._place
        )
        if self._images:  # many photographs are more than one request may hold
            samples = replace(samples, most=1)
        return replace(samples, rows=self._rows(samples))

    def _input(self, table: Table, spec: TensorSpec, specs: Sequence[TensorSpec]) -> Array:
        if self._images and spec.name == IMAGE and IMAGE in table:
            return read_images(table[IMAGE], self._path.parent)
        return _input(table, spec, specs)

    def _rows(self, samples: Samples) -> int:
        counts = {name: len(array) for name, array in samples.inputs.items() if array.ndim}
        if samples.truth is not None:
            counts = {TRUTH: len(samples.truth), **counts}
        first, rows = next(iter(counts.items()), (TRUTH, 0))
        if not rows:
            raise self._refusal("has no rows")
        for name, count in counts.items():
            if count != rows:
                raise self._refusal(f"has {count} rows in '{name}' and {rows} in '{first}'")
        if samples.batch is None or rows % (samples.batch or 1):
            fixed = samples.batch or "a fixed size"
            raise self._refusal(f"has {rows} rows, but the model needs batches of {fixed}")
        return rows

    def _refusal(self, reason: str) -> DataUnusable:
        return DataUnusable(self._model, str(self._path), reason, self._place)


def arrays_of(table: Table, specs: Sequence[TensorSpec]) -> dict[str, Array]:
    """Return the columns of the inputs, in their dtypes; other columns are ignored.

    Raises:
        Unreadable: a column is missing, or a cell is not of its input's datatype.
        InvalidInput: a value is not of its input's datatype.
    """
    return {spec.name: _input(table, spec, specs) for spec in specs}


def _input(table: Table, spec: TensorSpec, specs: Sequence[TensorSpec]) -> Array:
    """Return the array of one input."""
    alone = len(specs) == 1
    names = [name for name in (spec.name, *[SINGLE_INPUT] * alone) if name in table]
    if names:
        return _converted(table[names[0]], spec)
    others = [name for name in table if name != TRUTH]
    if not alone or not others or len(spec.shape) != _MATRIX or _is_arrays(table):
        wanted = [each.name for each in specs]
        raise Unreadable(
            f"has no column '{spec.name}'; it has {list(table)}, the model needs {wanted}"
        )
    flat = spec._replace(shape=(-1,))
    return np.stack([_converted(table[name], flat._replace(name=name)) for name in others], axis=1)


def _with_truth(table: Table, truth: str) -> Table:
    """Return the columns with the name `y` for that of the truth, if it is there."""
    if truth == TRUTH or truth not in table:
        return table
    if TRUTH in table:
        raise Unreadable(f"has the columns '{truth}', the truth, and '{TRUTH}'; rename '{TRUTH}'")
    return {TRUTH if name == truth else name: column for name, column in table.items()}


def _without(table: Table, slices: Sequence[str], specs: Sequence[TensorSpec]) -> Table:
    """Return the columns without those that only name slices of the rows.

    A column that names an input stays, and all stay if the one input has as many columns.
    """
    features = len([name for name in table if name != TRUTH])
    if len(specs) == 1 and specs[0].shape[1:] == (features,):
        return table
    aside = set(slices) - {spec.name for spec in specs}
    return {name: column for name, column in table.items() if name not in aside}


def _is_arrays(table: Table) -> bool:
    return any(isinstance(column, np.ndarray) for column in table.values())


def _converted(column: Column, spec: TensorSpec) -> Array:
    """Return a column in the input's dtype and rank."""
    if isinstance(column, np.ndarray):
        array = _cast(column, spec)
    else:
        values = _values(column, spec) if isinstance(column, Cells) else _filled(column, spec)
        array = from_json(values, spec.name, spec.datatype)
    return array[:, np.newaxis] if array.ndim == 1 and len(spec.shape) == _MATRIX else array


def _values(cells: Cells, spec: TensorSpec) -> list[str] | list[bool] | list[float] | list[int]:
    if spec.datatype == "BYTES":
        return cells.texts
    if spec.datatype not in FLOATS:
        cells.require_all(spec.name, f"{spec.datatype} has no missing values")
    if spec.datatype == "BOOL":
        return cells.booleans(spec.name)
    numbers = cells.numbers(spec.name)
    return numbers if spec.datatype in FLOATS else [_whole(number) for number in numbers]


def _whole(number: float) -> int | float:
    """Return a whole number as an integer: programs write 12.0 into CSV columns with floats."""
    return int(number) if float(number).is_integer() else number


def _filled(values: list[Any], spec: TensorSpec) -> list[Any]:
    """Replace null in the values, also inside vectors."""
    if spec.datatype != "BYTES" and spec.datatype not in FLOATS:
        return values
    stands = "" if spec.datatype == "BYTES" else nan

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return list(map(filled, value))
        return stands if value is None else value

    return list(map(filled, values))


def _cast(array: Array, spec: TensorSpec) -> Array:
    """Return an array in the input's dtype, if the cast does not change its kind."""
    dtype = DTYPES[spec.datatype]
    if spec.datatype == "BYTES" and array.dtype.kind == "U":
        return as_bytes(array)
    if dtype.kind in "fiu" and np.can_cast(array.dtype, dtype, "same_kind"):
        return as_datatype(array.astype(dtype), spec.datatype)
    if array.dtype != dtype:
        kind = "text" if array.dtype.kind in "SU" else str(array.dtype)
        raise InvalidInput(spec.name, f"must be {spec.datatype}, not {kind}")
    return array


def _truth(table: Table) -> Array:
    if TRUTH not in table:
        raise Unreadable(f"has no column '{TRUTH}' with the correct answers; it has {list(table)}")
    truth = truth_of(table[TRUTH])
    if truth.dtype.kind == "O":
        raise Unreadable(f"has mixed types or missing values in '{TRUTH}'")
    if truth.dtype.kind == "f" and not np.isfinite(truth).all():
        raise Unreadable(f"has NaN or infinity in '{TRUTH}'")
    return truth if truth.ndim else truth.reshape(-1)[:0]  # one number is not a row


def truth_of(column: Column) -> Array:
    """Return a column of the truth as an array: of numbers if all are, else of texts."""
    if isinstance(column, np.ndarray):
        return column
    if isinstance(column, Cells):
        column.require_all(TRUTH, "every row needs its correct answer")
        try:
            return np.array(column.numbers(TRUTH))
        except Unreadable:
            return np.array(column.texts, np.str_)
    kinds = {type(value) for value in column}
    mixed = len(kinds - {int, float}) > (0 if kinds & {int, float} else 1)
    try:
        return np.array(column, np.object_ if mixed else None)
    except ValueError:  # lists of several lengths
        return np.array([None])


def _any_rows(spec: TensorSpec) -> TensorSpec:
    return spec._replace(shape=(-1, *spec.shape[1:])) if spec.shape else spec
