"""Finds out about an estimator's inputs: rows to compare it on, and values that it refuses."""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array
from lading.functions.inference.tensors.domain import EVERY, Domain
from lading.model_packaging.check.closeness import wrong_rows
from lading.model_packaging.check.probes import Column, Known, Probe, Request
from lading.model_packaging.check.tree_probes import tree_probes
from lading.model_packaging.estimators.notes import LARGEST, Note, Notes

_WIDE = np.dtype(np.float64)
_NOVEL = b"a text that no category has"
_MOST_TYPICAL = 128
_MOST_TREE_ROWS = 1536
_PROBE_ROWS = 64
_FAR, _FARTHEST = 1e30, 1e300
"""Numbers that an original may refuse: trees round to float32, which ends at 3.4e38."""
_LAST_FLOAT32 = np.nextafter(float(np.finfo(np.float32).max) + 2.0**103, 0)
"""The largest number that rounds to a finite float32."""
_COARSE = 1 << 48
"""Places between numbers that are a sixteenth apart, near enough for an end beyond `_FAR`."""
_SLACK = 1 << 6
"""Places by which rounding may move an end that is computed backwards through scalers."""
_SIGNLESS = (1 << 63) - 1
_MANY_COLUMNS = 24
"""With more columns than these, a sample decides whether all of them refuse a value."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """See the fields of the same names in `conversion.Conversion`.

    `rounded` gives the FP32 inputs whose rounding to float32 changes an answer. `row` is a typical
    row.
    """

    known: Mapping[str, Known]
    domains: Mapping[str, Domain]
    probes: tuple[Probe, ...]
    rounded: Callable[[], frozenset[str]]
    row: Request


def learn(
    specs: Sequence[TensorSpec],
    notes: Notes,
    reference: Callable[[Request], Request],
    accepted: dict[bytes, bool] | None = None,
) -> Knowledge:
    """Return what the notes of a graph say, and what the original refuses.

    Args:
        specs: the signature.
        notes: what the estimators noted of each column.
        reference: the original; it raises ValueError when it refuses a row.
        accepted: which rows the original accepted before. New ones are added.
    """
    seen = {} if accepted is None else accepted
    trial = _KnowledgeTrial(specs, notes, reference, _WIDE, seen)
    if not trial.sound:  # some that were trained in float32 accept nothing else
        trial = _KnowledgeTrial(specs, notes, reference, np.dtype(np.float32), seen)
    domains = {spec.name: trial.domain(spec) for spec in specs}
    known = {spec.name: _known(spec, notes, trial, domains[spec.name]) for spec in specs}
    stated = {name: domain for name, domain in domains.items() if domain != Domain()}

    def rounded() -> frozenset[str]:
        return frozenset(spec.name for spec in specs if trial.rounds(spec))

    return Knowledge(known, stated, tuple(_tree_probes(trial, notes)), rounded, trial.row)


def _width(spec: TensorSpec) -> int:
    return spec.shape[-1] if len(spec.shape) > 1 else 1


def _known(spec: TensorSpec, notes: Notes, trial: "_KnowledgeTrial", domain: Domain) -> Known:
    dtype = trial.dtype(spec)
    found = [notes.of(spec.name, place) for place in range(_width(spec))]
    texts = tuple(text.encode() for note in found for text in note.texts)
    if spec.datatype == BYTES and not any(note.categories for note in found):
        return Known(texts=texts)
    columns = tuple(
        Column(
            thresholds=tuple(sorted(note.thresholds)),
            categories=_categories(note, spec),
            typical=tuple(note.typical[:_MOST_TYPICAL]),
            missing=_may_miss(domain, place),
        )
        for place, note in enumerate(found)
    )
    wider = dtype if dtype != DTYPES[spec.datatype] else None
    return Known(dtype=wider, columns=columns, texts=texts)


def _categories(note: Note, spec: TensorSpec) -> tuple[Any, ...]:
    if spec.datatype == BYTES:
        return tuple(str(value).encode() for value in note.categories)
    return tuple(value for value in note.categories if not isinstance(value, str))


def _may_miss(domain: Domain, place: int) -> bool:
    return domain.missing if isinstance(domain.missing, bool) else place in domain.missing


class _KnowledgeTrial:
    """Tries single values in a row that the original answers."""

    def __init__(
        self,
        specs: Sequence[TensorSpec],
        notes: Notes,
        reference: Callable[[Request], Request],
        floats: "np.dtype[Any]",
        accepted: dict[bytes, bool],
    ) -> None:
        self._notes, self._reference, self._floats = notes, reference, floats
        self._accepted = accepted
        self.row = {spec.name: self._typical(spec) for spec in specs}
        self.sound = self._answers(self.row)

    def dtype(self, spec: TensorSpec) -> "np.dtype[Any]":
        """Return the type of this input for the original."""
        return self._floats if spec.datatype == "FP32" else DTYPES[spec.datatype]

    def _typical(self, spec: TensorSpec) -> Array:
        dtype = self.dtype(spec)
        values = [self._value(spec, place) for place in range(_width(spec))]
        row: Array = np.empty((1, len(values)), dtype)
        row[0, :] = values
        return row if len(spec.shape) > 1 else row[:, 0]

    def _value(self, spec: TensorSpec, place: int) -> Any:
        note = self._notes.of(spec.name, place)
        if spec.datatype == BYTES:
            return str((note.categories or note.texts or ["a"])[0]).encode()
        numbers = [value for value in note.categories if not isinstance(value, str)]
        return (numbers or note.typical or sorted(note.thresholds) or [0.0])[0]

    def domain(self, spec: TensorSpec) -> Domain:
        """Return the values that the original accepts in an input."""
        if not self.sound:
            return Domain()
        columns = list(range(_width(spec)))
        values = {
            place if len(spec.shape) > 1 else EVERY: known
            for place in columns
            if (known := self._only(spec, place))
        }
        if DTYPES[spec.datatype].kind == "f":
            missing = self._accepting(spec, columns, np.nan)
            infinite = bool(self._accepting(spec, columns, np.inf) >= set(columns))
            bounds = {} if values else self._bounds(spec, columns)
        elif spec.datatype == BYTES:
            missing, infinite, bounds = self._accepting(spec, columns, b""), True, {}
        else:
            return Domain(values=values)
        allowed: bool | frozenset[int] = len(missing) == len(columns)
        some = frozenset(missing) if missing and not allowed else allowed
        return Domain(some, infinite, values, bounds=bounds)

    def _bounds(self, spec: TensorSpec, columns: list[int]) -> dict[int, tuple[float, float]]:
        """Columns in which the original refuses very low or high numbers, and their bounds."""
        bounds: dict[int, tuple[float, float]] = {}
        most = _FARTHEST if spec.datatype == "FP64" else _FAR
        for side, far in enumerate((-most, most)):
            for place in sorted(set(columns) - self._accepting(spec, columns, far)):
                key = place if len(spec.shape) > 1 else EVERY
                ends = list(bounds.get(key, (-np.inf, np.inf)))
                ends[side] = self._bound(spec, place, far)
                bounds[key] = (ends[0], ends[1])
        alike = len(bounds) == len(columns) and len(set(bounds.values())) == 1
        return {EVERY: next(iter(bounds.values()))} if alike else bounds

    def _bound(self, spec: TensorSpec, place: int, far: float) -> float:
        """Return the last number towards `far` that the original accepts."""
        reached, refused = _rank(self.row[spec.name].reshape(-1)[place]), _rank(far)
        step = 1 if refused > reached else -1
        for end, slack in self._likely_ends(spec, place, far):
            inner, outer = _rank(end) - step * slack, _rank(end) + step * (slack or 1)
            if self._accepts(spec, place, inner) and not self._accepts(spec, place, outer):
                return _ranked(inner)
        while abs(reached - refused) > (_COARSE if abs(_ranked(reached)) > _FAR else 1):
            middle = (reached + refused) // 2
            if self._accepts(spec, place, middle):
                reached = middle
            else:
                refused = middle
        return _ranked(reached)

    def _likely_ends(self, spec: TensorSpec, place: int, far: float) -> Iterator[tuple[float, int]]:
        """Yield numbers that trees round to the last one of float32, and how exact each one is.

        A column that reaches them through scalers ends where the scaled value does.
        """
        last = float(np.copysign(_LAST_FLOAT32, far))
        for origin in self._notes.origins_of(spec.name, place):
            (end,) = origin.before(last * np.sign(origin.scale))
            yield end, 0 if end == last else _SLACK
        yield last, 0

    def _accepts(self, spec: TensorSpec, place: int, rank: int) -> bool:
        return self._answers(self._changed(spec, [place], _ranked(rank)))

    def _only(self, spec: TensorSpec, place: int) -> frozenset[Any]:
        """Return the categories of a column, if the original refuses others."""
        note = self._notes.of(spec.name, place)
        categories = _categories(note, spec)
        if not categories:
            return frozenset()
        novel: Any = _NOVEL if spec.datatype == BYTES else 2 * max(map(abs, categories)) + 1
        if self._answers(self._changed(spec, [place], novel)):
            return frozenset()
        if spec.datatype == BYTES:
            return frozenset(categories)
        return frozenset(np.asarray(categories).astype(DTYPES[spec.datatype]).tolist())

    def _accepting(self, spec: TensorSpec, columns: list[int], value: Any) -> set[int]:
        """Return the columns in which the original accepts this value."""
        if self._answers(self._changed(spec, columns, value)):
            return set(columns)
        if len(columns) == 1 or self._refuses_each(spec, columns, value):
            return set()
        half = len(columns) // 2
        parts = columns[:half], columns[half:]
        return self._accepting(spec, parts[0], value) | self._accepting(spec, parts[1], value)

    def _refuses_each(self, spec: TensorSpec, columns: list[int], value: Any) -> bool:
        """Return whether the original refuses this value in a sample of many columns."""
        if len(columns) <= _MANY_COLUMNS:
            return False
        some = columns[:: len(columns) // _MANY_COLUMNS]
        return not any(self._answers(self._changed(spec, [each], value)) for each in some)

    def _changed(self, spec: TensorSpec, columns: list[int], value: Any) -> Request:
        array = self.row[spec.name].copy()
        if array.ndim > 1:
            array[:, columns] = value
        else:
            array[:] = value
        return {**self.row, spec.name: array}

    def rounds(self, spec: TensorSpec) -> bool:
        """Return whether rounding an FP32 input changes answers of the original."""
        if not self.sound or spec.datatype != "FP32" or self._floats != _WIDE:
            return False
        if len(self.row) == 1:  # what else could it be
            return True
        return any(self._rounds(spec, place) for place in range(_width(spec)))

    def _rounds(self, spec: TensorSpec, place: int) -> bool:
        note = self._notes.of(spec.name, place)
        values = np.array([*sorted(note.thresholds), *note.typical], np.float64)[:_MOST_TYPICAL]
        if not len(values):
            return False
        beside = np.concatenate([values, np.nextafter(values, np.inf)])
        rounded = beside.astype(np.float32).astype(np.float64)
        answers = [self._answer(spec, place, each) for each in (beside, rounded)]
        if None in answers:
            return False
        pairs = zip(*(answer.values() for answer in answers if answer is not None), strict=True)
        return any(wrong_rows(wanted, found).any() for wanted, found in pairs)

    def _answer(self, spec: TensorSpec, place: int, values: Array) -> Request | None:
        """Return the original's answers to the row with each of these values in a column."""
        request = {name: np.repeat(row, len(values), axis=0) for name, row in self.row.items()}
        _put(request[spec.name], place, values)
        try:
            return self._reference(request)
        except ValueError:
            return None

    def _answers(self, request: Request) -> bool:
        key = pickle.dumps(request)
        if key not in self._accepted:
            try:
                self._reference(request)
            except ValueError:
                self._accepted[key] = False
            else:
                self._accepted[key] = True
        return self._accepted[key]


def _tree_probes(trial: _KnowledgeTrial, notes: Notes) -> Iterator[Probe]:
    """Yield rows that reach the splits of trees whose columns come straight from the inputs."""
    for origins, trees, dtype in notes.forests:
        most = _MOST_TREE_ROWS // len(notes.forests)
        for kind, found in tree_probes(trees, len(origins), dtype, most).items():
            rows = found[~(np.abs(found) >= LARGEST).any(axis=1)]
            for start in range(0, len(rows), _PROBE_ROWS):
                part = rows[start : start + _PROBE_ROWS]
                request = {
                    name: np.repeat(array, len(part), axis=0) for name, array in trial.row.items()
                }
                for origin, values in zip(origins, part.T, strict=True):
                    if origin is not None:
                        _put(request[origin.input], origin.column, origin.before(values))
                yield Probe(kind, request)


def _rank(value: float) -> int:
    """Return the place of a number among all of float64; 0 is at 0, and neighbors differ by 1."""
    bits = int(np.float64(value).view(np.int64))
    return bits if bits >= 0 else -(bits & _SIGNLESS)


def _ranked(rank: int) -> float:
    """Return the number at this place."""
    size = float(np.int64(abs(rank)).view(np.float64))
    return size if rank >= 0 else -size


def _put(array: Array, column: int, values: Sequence[float] | Array) -> None:
    if array.dtype.kind == "f":
        array[(slice(None), column) if array.ndim > 1 else slice(None)] = values
