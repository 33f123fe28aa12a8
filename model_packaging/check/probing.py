"""Makes rows that reach the decisions of a model, from what its converter knows about it.

Each kind of row starts from base rows, real ones if possible, and changes one thing. The same model
always gives the same rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array, as_datatype
from lading.functions.inference.tensors.domain import EVERY
from lading.model_packaging.check.probes import Column, Knowledge, Known, Probe, Request
from lading.model_packaging.check.samples import SEED, Samples, free_axes, resized
from lading.model_packaging.steps.text_corpus import TEXTS

BASE = "typical rows"
SINGLES = "one row at a time"

_ROWS = 64
_MOST_BASE = 1024
_MOST_SINGLES = 16
_MOST_ELEMENTS = 1 << 20
_MOST_VALUES = 256
"""The number of values of one column that are tried, chosen with a fixed seed."""
_LARGE, _SMALL = 1e3, 1e-6
_INTEGERS = ((0, 9), (-9, -1), (10, 127), (128, 255), (256, 9999))
_LENGTHS = (1, 2, 37)
"""Sizes of free axes, in addition to that of the base rows."""
_FEW_PIXELS = 32
"""Smaller images need not be answered: networks halve them until nothing is left."""
_MOST_BOUNDED = 8
"""The number of columns whose bounds are tried."""
_SPREAD = 8
"""How many times the shortest text of a request is as long as the longest."""
_UNKNOWN_TEXT = b"\xe2\x80\x94 no such category \xe2\x80\x94"


@dataclass(frozen=True, slots=True)
class Base:
    """Rows to start from, in the original's types.

    Args:
        rows: real or generated rows.
        specs: the signature for callers.
        known: what the converter knows about the inputs.
        real: whether the rows came from a file or with the model.
    """

    rows: Samples
    specs: Sequence[TensorSpec]
    known: Knowledge
    real: bool

    def take(self, count: int) -> Request:
        """Return this many rows, repeated if there are fewer; all rows without a batch."""
        if self.rows.batch is None:
            return dict(self.rows.inputs)
        places = np.arange(count) % self.rows.rows
        return {
            name: array[places] if array.ndim else array for name, array in self.rows.inputs.items()
        }

    def count(self, wanted: int) -> int:
        """Return how many rows a probe may have; the model may require a fixed batch."""
        wanted = max(1, min(wanted, _ROWS, _MOST_ELEMENTS // self._row_elements()))
        return self.rows.batch or wanted

    def _row_elements(self) -> int:
        rows = max(1, self.rows.rows)
        return max(1, sum(array.size for array in self.rows.inputs.values()) // rows)


def plausible(samples: Samples, known: Knowledge) -> Samples:
    """Return generated rows with values that the converter knows: categories, typical values."""
    generator = np.random.default_rng(SEED)
    inputs = dict(samples.inputs)
    for name, found in known.items():
        if name not in inputs:
            continue
        for place, column in enumerate(found.columns):
            values = column.categories or column.typical
            if values:
                where = place if len(found.columns) > 1 else None
                inputs[name] = _drawn(generator, inputs[name], where, values)
    return replace(samples, inputs=inputs)


def _drawn(
    generator: np.random.Generator, array: Array, place: int | None, values: Sequence[Any]
) -> Array:
    """Return the array with a random value for each row, in a column or everywhere."""
    pool = np.empty(len(values), np.object_)
    pool[:] = values
    chosen = pool[generator.integers(0, len(values), len(array) if array.ndim else 1)]
    return _put_values(array, place, chosen.astype(array.dtype))


def _put_values(array: Array, place: int | None, values: Array) -> Array:
    """Return the array with a value for each row: in a column of the last axis, or everywhere."""
    changed = array.copy()
    if place is None:
        changed[...] = values.reshape(-1, *[1] * (array.ndim - 1)) if array.ndim else values[0]
    else:
        changed[..., place] = values.reshape(-1, *[1] * (array.ndim - 2))
    return changed


def make_probes(base: Base) -> Iterator[Probe]:
    """Yield rows of every kind that the inputs have."""
    yield from _typical(base)
    for spec in base.specs:
        known = base.known.get(spec.name, Known())
        yield from _whole(base, spec, known)
        for place, column in enumerate(known.columns):
            where = _Where(spec, place if len(known.columns) > 1 else None)
            yield from _column(base, where, column)
        yield from _ends(base, spec)
    yield from _lengths(base)


def _ends(base: Base, spec: TensorSpec) -> Iterator[Probe]:
    """Yield a row for each number at, and next to, a bound of the domain."""
    bounds = spec.domain.bounds if spec.domain else {}
    dtype = DTYPES[spec.datatype]
    for column, ends in islice(bounds.items(), _MOST_BOUNDED):
        where = _Where(spec, None if column == EVERY else column)
        for end in filter(np.isfinite, ends):
            for value in beside([end], dtype):
                kind = f"a bound of {where}"
                request = base.take(base.count(1))
                array = request[spec.name]
                values = np.full(len(array) if array.ndim else 1, value, array.dtype)
                request[spec.name] = _put_values(array, where.place, values)
                yield Probe(kind, request, may_refuse=True)


def _typical(base: Base) -> Iterator[Probe]:
    if base.rows.batch is None:
        yield Probe(BASE, dict(base.rows.inputs))
        return
    for request in islice(base.rows.requests(1), _MOST_SINGLES):
        yield Probe(SINGLES, request)
    size = base.count(_ROWS)
    for request in islice(base.rows.requests(size), max(1, _MOST_BASE // size)):
        yield Probe(BASE, request)


@dataclass(frozen=True, slots=True)
class _Where:
    """A column of an input; None is the whole input."""

    spec: TensorSpec
    place: int | None

    def __str__(self) -> str:
        name = f"'{self.spec.name}'"
        return name if self.place is None else f"column {self.place} of {name}"


def _whole(base: Base, spec: TensorSpec, known: Known) -> Iterator[Probe]:
    """Yield rows that change all of an input."""
    array = base.rows.inputs[spec.name]
    if array.dtype.kind == "f" and not known.columns:
        yield from _floats(base, spec)
    elif array.dtype.kind in "iu" and known.highest is not None:
        yield _ids(base, spec, known.highest)
    elif array.dtype.kind in "iu" and array.ndim and not known.columns:
        yield _row_of_zeros(base, spec)
        yield from _integers(base, spec)
    elif array.dtype.kind == "b":
        for value in (False, True):
            yield _filled(base, spec, f"all {str(value).lower()} in '{spec.name}'", value)
    elif spec.datatype == BYTES and (known.texts or not base.real) and not known.columns:
        yield from _texts(base, spec, known)


def _floats(base: Base, spec: TensorSpec) -> Iterator[Probe]:
    for kind, value in (("zeros", 0.0), ("negative zeros", -0.0), ("ones", 1.0)):
        yield _filled(base, spec, f"{kind} in '{spec.name}'", value)
    for kind, factor in (("large", _LARGE), ("small", _SMALL), ("negative", -1.0)):
        request = base.take(base.count(_ROWS // 4))
        array = request[spec.name]
        changed = np.asarray(array * array.dtype.type(factor), array.dtype)
        request[spec.name] = as_datatype(changed, spec.datatype)
        yield Probe(f"{kind} values in '{spec.name}'", request)


def _filled(base: Base, spec: TensorSpec, kind: str, value: Any) -> Probe:
    request = base.take(base.count(2))
    request[spec.name] = np.full_like(request[spec.name], value)
    return Probe(kind, request)


def _ids(base: Base, spec: TensorSpec, highest: int) -> Probe:
    request = base.take(base.count(_ROWS // 4))
    array = request[spec.name]
    top = min(highest, int(np.iinfo(array.dtype).max))
    ids = np.random.default_rng(SEED).integers(0, top, array.shape, endpoint=True)
    ids.flat[0], ids.flat[-1] = 0, top
    request[spec.name] = ids.astype(array.dtype)
    return Probe(f"ids up to {top} in '{spec.name}'", request)


def _row_of_zeros(base: Base, spec: TensorSpec) -> Probe:
    """Return rows of which the first is zeros: in a mask, that is only padding."""
    request = base.take(base.count(4))
    array = request[spec.name].copy()
    array[:1] = 0
    request[spec.name] = array
    # A model may have no answer, for example if zeros are lengths.
    return Probe(f"a row of zeros in '{spec.name}'", request, may_refuse=True, binding=False)


def _integers(base: Base, spec: TensorSpec) -> Iterator[Probe]:
    """Yield integers of several sizes; the original may refuse some, such as unknown ids."""
    if base.rows.batch != 0 or "mask" in spec.name.lower():
        return  # these may be sizes of outputs; and masks hold only 0 and 1
    generator = np.random.default_rng(SEED)
    limits = np.iinfo(base.rows.inputs[spec.name].dtype)
    for low, high in _INTEGERS:
        if limits.min <= low and high <= limits.max:
            request = base.take(base.count(_ROWS // 4))
            array = request[spec.name]
            numbers = generator.integers(low, high, array.shape, endpoint=True)
            request[spec.name] = numbers.astype(array.dtype)
            yield Probe(f"whole numbers to {high} in '{spec.name}'", request, binding=False)


def _texts(base: Base, spec: TensorSpec, known: Known) -> Iterator[Probe]:
    texts = [*known.texts[:_MOST_VALUES], *(text.encode() for text in TEXTS)]
    sent = set(base.rows.inputs[spec.name].ravel().tolist())
    for group in _of_similar_length([text for text in texts if text not in sent], _ROWS // 4):
        size = base.count(len(group))
        chosen = np.empty(size, np.object_)
        chosen[:] = [group[place % len(group)] for place in range(size)]
        request = base.take(size)
        request[spec.name] = _put_values(request[spec.name], None, chosen)
        yield Probe(f"difficult texts in '{spec.name}'", request)


def _of_similar_length(texts: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """Yield groups of at most this many texts, since a request pads all to its longest."""
    group: list[bytes] = []
    for text in sorted(texts, key=len):
        if group and (len(group) == most or len(text) > _SPREAD * (len(group[0]) + 1)):
            yield group
            group = []
        group.append(text)
    if group:
        yield group


def _column(base: Base, where: _Where, column: Column) -> Iterator[Probe]:
    dtype = base.rows.inputs[where.spec.name].dtype
    if dtype.kind == "O":
        yield from _put(base, where, f"each category of {where}", list(column.categories))
        if column.categories:
            yield from _put(base, where, f"an unknown value in {where}", [_UNKNOWN_TEXT])
        if column.missing:
            yield from _put(base, where, f"a missing value in {where}", [b""])
        return
    if column.thresholds:
        kind = f"a value at or beside a split of {where}"
        yield from _put(base, where, kind, beside(_chosen(column.thresholds), dtype))
    if column.categories:
        categories = _chosen(column.categories)
        yield from _put(base, where, f"each category of {where}", categories)
        highest = max(abs(value) for value in categories)
        unknown = [highest + 1, 2 * highest + 1]
        yield from _put(base, where, f"an unknown value in {where}", unknown)
    if column.typical:
        yield from _put(base, where, f"typical values of {where}", _around(column.typical))
    if dtype.kind == "f":
        kind = f"zero, a small and a large value in {where}"
        yield from _put(base, where, kind, [0.0, -0.0, 1e-30, -1e-30, 1e6, -1e6])
        if column.missing:
            yield from _put(base, where, f"a missing value in {where}", [np.nan])


def _put(base: Base, where: _Where, kind: str, values: Sequence[Any]) -> Iterator[Probe]:
    """Yield base rows with these values in a column, each in at least one row."""
    name = where.spec.name
    dtype = base.rows.inputs[name].dtype
    size = base.count(len(values))
    for start in range(0, len(values), size):
        request = base.take(size)
        chosen = np.empty(size, np.object_)
        chosen[:] = [values[(start + offset) % len(values)] for offset in range(size)]
        request[name] = _put_values(request[name], where.place, chosen.astype(dtype))
        yield Probe(kind, request)


def _chosen(values: Sequence[Any]) -> list[Any]:
    """Return the values, or a choice of many with a fixed seed, always with both ends."""
    ordered = sorted(set(values))
    if len(ordered) <= _MOST_VALUES:
        return ordered
    inner = np.random.default_rng(SEED).choice(len(ordered) - 2, _MOST_VALUES - 2, replace=False)
    return [ordered[0], *(ordered[1 + int(place)] for place in sorted(inner)), ordered[-1]]


def beside(values: Sequence[float], dtype: "np.dtype[Any]") -> list[float]:
    """Return each value, and the numbers of this type one step below and above it."""
    if dtype.kind != "f":
        return [near for each in values for near in (each - 1, each, each + 1)]
    with np.errstate(over="ignore"):
        at = np.asarray(values, np.float64).astype(dtype)
    low, high = dtype.type(-np.inf), dtype.type(np.inf)
    found = np.stack([np.nextafter(at, low), at, np.nextafter(at, high)], axis=1)
    return [float(value) for value in found.ravel() if np.isfinite(value)]


def _around(typical: Sequence[float]) -> list[float]:
    """Return the values, and some between the lowest and the highest."""
    low, high = min(typical), max(typical)
    between = np.random.default_rng(SEED).uniform(low, high, 16 if low < high else 0)
    return [*typical[:_MOST_VALUES], *map(float, between)]


def _lengths(base: Base) -> Iterator[Probe]:
    """Yield rows whose free axes have other sizes, all the same size."""
    axes = free_axes(base.specs)
    if not any(axes.values()):
        return
    of_images = any(len(free) > 1 for free in axes.values())
    request = base.take(base.count(4))
    advice = "give the axes under inputs: the sizes that work, such as " + ", ".join(
        f"{name}: {list(array.shape[1:])} after the batch"
        for name, array in request.items()
        if axes[name]
    )
    for length in (*_LENGTHS, 0):
        changed = {name: resized(array, axes[name], length) for name, array in request.items()}
        kind = f"free axes of size {length}" if length else "free axes without an element"
        may_refuse = not length or (of_images and length < _FEW_PIXELS)
        yield Probe(kind, changed, may_refuse=may_refuse, binding=False, advice=advice)


def widened(specs: Sequence[TensorSpec], known: Knowledge) -> tuple[TensorSpec, ...]:
    """Return the signature in the original's types."""
    datatypes = {dtype: name for name, dtype in DTYPES.items() if name != "BF16"}
    return tuple(
        TensorSpec(spec.name, datatypes[found.dtype], spec.shape)
        if (found := known.get(spec.name)) and found.dtype is not None
        else spec
        for spec in specs
    )
