"""Records the baseline: the distribution of the held-out rows and of the answers to them.

Only real rows are recorded: those of `accuracy.data`, or examples that came with the model. Bins of
numbers are tenths of the baseline's rows (deciles), or one for each value where there are few.
`functions/inference/drift/baseline.py` describes the file.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.drift.baseline import FORMAT, MAX_BYTES, VALUES
from lading.functions.inference.drift.bins import NumberBins, ValueBins
from lading.functions.inference.drift.views import VIEWS
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.documents import canonical

MOST_ROWS = 2000
FEWEST_ROWS = 30
"""With fewer rows, a tenth of them says nothing."""
BATCH = 64
"""Rows in one request, as in the accuracy gate."""

MOST_COLUMNS = 256
"""The largest row that is recorded number by number; of a larger one, the mean."""
MOST_COLUMNS_IN_ALL = 512

_MOST_VALUES = 50
_ROWS_OF_A_VALUE = 5
"""A tensor with fewer rows for each of its values is not one of categories."""
_FEW_VALUES = 12
_TENTHS = np.linspace(0, 1, 11)[1:-1]
_IMAGE_RANK, _CHANNELS = 4, (1, 3)


def baseline_stage(
    samples: Samples, model: Model, outputs: Sequence[TensorSpec], *, real: bool, files: bool
) -> tuple[bytes | None, str]:
    """Run the stage `baseline`: return the file, if there is one, and a line about it.

    Args:
        samples: rows as callers send them.
        model: the model to publish.
        outputs: its signature's outputs.
        real: whether the rows are real ones.
        files: whether its texts are files of images.
    """
    if not real:
        return None, "none: the manifest names no held-out rows (accuracy.data)"
    if samples.batch is None or samples.rows < FEWEST_ROWS:
        return None, f"none: it needs {FEWEST_ROWS} rows whose inputs share a first axis"
    names = [spec.name for spec in outputs]
    asked, answered = _answered(samples, model)
    entries = [*_entries("inputs", asked, files=files)]
    entries += _entries("outputs", [{name: it[name] for name in names} for it in answered])
    rows = sum(map(_rows, asked))
    content, kept = _bounded(rows, entries)
    return content, f"{rows:,} rows, {kept} features, {len(content):,} bytes"


def _answered(samples: Samples, model: Model) -> tuple[list[Request], list[Request]]:
    """Return the first rows as requests, and the answers to them."""
    asked: list[Request] = []
    for request in samples.requests(BATCH):
        asked.append(request)
        if sum(map(_rows, asked)) >= MOST_ROWS:
            break
    return asked, [model(request) for request in asked]


def _rows(request: Request) -> int:
    return max((len(array) for array in request.values() if array.ndim), default=0)


def _bounded(rows: int, entries: Sequence[Mapping[str, Any]]) -> tuple[bytes, int]:
    """Return the file, and its number of columns; features beyond its limits are left out."""
    kept: list[Mapping[str, Any]] = []
    room, size = MOST_COLUMNS_IN_ALL, MAX_BYTES - len(canonical(_document(rows, [])))
    for entry in entries:
        columns, needed = len(entry["expected"]), len(canonical(entry)) + 1
        if columns <= room and needed < size:
            kept.append(entry)
            room, size = room - columns, size - needed
    return canonical(_document(rows, kept)) + b"\n", MOST_COLUMNS_IN_ALL - room


def _document(rows: int, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"version": FORMAT, "rows": rows, "features": list(entries)}


def _entries(
    side: str, requests: Sequence[Request], *, files: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the features of one side of the signature."""
    for tensor in requests[0]:
        arrays = [request[tensor] for request in requests]
        if any(not array.ndim or not array.size for array in arrays):
            continue
        values = _values(arrays)
        if values:
            bins = ValueBins(values)
            for array in arrays:
                bins.count(array)
            found = {"view": VALUES, "values": values, "expected": bins.take()}
            yield {"tensor": tensor, "side": side, **found}
            continue
        for view in _views(arrays, side, files=files):
            yield {"tensor": tensor, "side": side, "view": view, **_numbers(view, arrays)}


def _values(arrays: Sequence[Array]) -> list[Any]:
    """Return the values of a tensor of categories, the most frequent first; none of another."""
    first = arrays[0]
    if first.dtype.kind not in "iubO" or any(array.size != len(array) for array in arrays):
        return []
    column = np.concatenate([array.ravel() for array in arrays])
    try:
        found, counts = np.unique(column[column != b""], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        values = [_as_json(found[place]) for place in order]
    except UnicodeDecodeError:
        return []
    few = 0 < len(values) <= min(_MOST_VALUES, len(column) // _ROWS_OF_A_VALUE)
    return values if few else []


def _as_json(value: Any) -> int | str:
    return value.decode() if isinstance(value, bytes) else int(value)


def _views(arrays: Sequence[Array], side: str, *, files: bool) -> Iterable[str]:
    """Return the views of a tensor that has no categories."""
    first = arrays[0]
    width = first[:1].size
    if first.dtype.kind == "O":
        narrow = width <= MOST_COLUMNS and _alike(arrays)
        return (("length", "picture") if files else ("length",)) if narrow else ()
    if not _alike(arrays):
        return ("size", "mean")
    views = ("columns",) if width <= MOST_COLUMNS else ("mean",)
    if side == "outputs":
        return (*views, "largest") if width > 1 and first.dtype.kind == "f" else views
    return ("brightness",) if _is_image(first) and width > MOST_COLUMNS else views


def _alike(arrays: Sequence[Array]) -> bool:
    return len({array.shape[1:] for array in arrays}) == 1


def _is_image(array: Array) -> bool:
    return array.ndim == _IMAGE_RANK and (
        array.shape[1] in _CHANNELS or array.shape[-1] in _CHANNELS
    )


def _numbers(view: str, arrays: Sequence[Array]) -> dict[str, Any]:
    """Return the edges of each column, and what falls between them."""
    numbers = np.concatenate([VIEWS[view](array) for array in arrays])
    edges = [edges_of(column) for column in numbers.T]
    bins = NumberBins(edges)
    bins.count(numbers)
    return {"edges": edges, "expected": bins.take()}


def edges_of(column: Array) -> list[float]:
    """Return the edges of a column's bins, ascending; the first is its least value.

    >>> edges_of(np.array([3.0, 1.0, 1.0, 2.0]))
    [1.0, 2.0, 3.0, 3.0000000000000004]
    """
    finite = column[np.isfinite(column)]
    if not finite.size:
        return []
    low, high = float(finite.min()), float(finite.max())
    different = np.unique(finite)
    tenths = np.quantile(finite, _TENTHS).astype(finite.dtype)
    inner = different if len(different) <= _FEW_VALUES else np.unique(tenths)
    inside = [float(each) for each in inner if low < each <= high]
    above = np.nextafter(finite.max(), finite.dtype.type(np.inf))
    tiny = np.finfo(finite.dtype).tiny  # a smaller number may be read as zero
    return [low, *inside, float(tiny if 0 < above < tiny else above)]
