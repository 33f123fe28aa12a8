"""Families of metrics: counters, histograms, and what is read when someone scrapes.

A caller changes a series directly while it holds the registry's lock. A snapshot of the numbers is
plain JSON, and those of several processes add up.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from operator import add
from threading import Lock
from time import perf_counter, time
from typing import Any, NamedTuple

import numpy as np

from lading.functions.contract.watched import Figure, Kind

LabelValues = tuple[str, ...]
Samples = Iterable[tuple[LabelValues, float]]
Exemplar = tuple[str, float, float]
"""The id of a request, its value, and the time in seconds since 1970."""
Snapshot = Mapping[str, list[tuple[LabelValues, float, list[float], list[Exemplar | None]]]]
"""Family -> each series: its label values, its time of creation in seconds since 1970, its numbers,
and the newest request of each bucket, where the family has them."""


class Series:
    """The numbers of a family under one set of label values; change it under the registry's lock.

    `numbers` are a counter's total; a histogram's count in each bucket, then the sum of its values.
    `exemplars` has a place for each bucket, of a family that has them.

    Args:
        figure: the family's.
    """

    __slots__ = ("_bounds", "created", "exemplars", "numbers")

    def __init__(self, figure: Figure) -> None:
        self._bounds = figure.bounds
        self.created = time()
        histogram = figure.kind is Kind.HISTOGRAM
        self.numbers = [0.0] * (len(figure.bounds) + 2 if histogram else 1)
        buckets = len(figure.bounds) + 1 if figure.exemplars else 0
        self.exemplars: list[Exemplar | None] = [None] * buckets

    def count(self, amount: float = 1.0) -> None:
        """Add to a counter."""
        self.numbers[0] += amount

    def newest(self, since_1970: float) -> list[Exemplar | None]:
        """Return the exemplars with the time since 1970; they have that of `perf_counter`."""
        return [it and (it[0], it[1], it[2] + since_1970) for it in self.exemplars]

    def observe_all(self, values: Any) -> None:
        """Add an array of values: each to the first bucket whose bound is not below it."""
        buckets = np.searchsorted(self._bounds, values)
        for bucket, count in enumerate(np.bincount(buckets).tolist()):
            self.numbers[bucket] += count
        self.numbers[-1] += float(values.sum())


class MetricFamily:
    """The series of one metric.

    Args:
        figure: see `Figure`.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.known: dict[LabelValues, Series] = {}

    def series(self, *values: str) -> Series:
        """Return the series of these label values, new ones with zeros; hold the lock."""
        found = self.known.get(values)
        if found is None:
            found = self.known[values] = Series(self.figure)
        return found


class Registry:
    """The families of one process, in the order of their registration.

    Hold `turn` while a series is looked up or changed.
    """

    def __init__(self) -> None:
        self.turn = Lock()
        self.settle: Callable[[], None] = lambda: None
        """Called with the lock before the numbers are read."""
        self._families: dict[str, MetricFamily] = {}
        self._read: dict[str, tuple[Figure, Callable[[], Samples]]] = {}

    def register(self, figure: Figure) -> MetricFamily:
        """Return a new family of counters or histograms."""
        family = self._families[figure.name] = MetricFamily(figure)
        return family

    def register_read(self, figure: Figure, read: Callable[[], Samples]) -> None:
        """Have `read` called for the values of a gauge or a counter at each scrape, unlocked."""
        self._read[figure.name] = figure, read

    def figures(self) -> list[Figure]:
        """Return what there is: what is counted here, then what is read."""
        counted = [family.figure for family in self._families.values()]
        return [*counted, *(figure for figure, _ in self._read.values())]

    def snapshot(self) -> Snapshot:
        """Return all numbers as they are now."""
        since_1970 = time() - perf_counter()
        with self.turn:
            self.settle()
            counted = {
                name: [
                    (key, it.created, [*it.numbers], it.newest(since_1970))
                    for key, it in family.known.items()
                ]
                for name, family in self._families.items()
            }
        read: Snapshot = {
            name: [(key, 0.0, [float(value)], []) for key, value in read()]
            for name, (_, read) in self._read.items()
        }
        return {**counted, **read}


def together(snapshots: Iterable[Snapshot], figures: Iterable[Figure]) -> Snapshot:
    """Return the numbers of several processes as those of one."""
    combined: dict[str, Callable[[float, float], float]] = {
        figure.name: min if figure.least else max
        for figure in figures
        if figure.least or figure.most
    }
    merged: dict[str, dict[LabelValues, _Entry]] = {}
    for name, entries in chain.from_iterable(each.items() for each in snapshots):
        family = merged.setdefault(name, {})
        for key, created, numbers, exemplars in entries:
            labels, found = tuple(key), _Entry(created, numbers, exemplars)  # JSON has only lists
            before = family.get(labels)
            combine = combined.get(name, add)
            family[labels] = found if before is None else before.with_other(found, combine)
    return {
        name: [(key, *entry) for key, entry in family.items()] for name, family in merged.items()
    }


class _Entry(NamedTuple):
    """The numbers of a series, of one process or of several."""

    created: float
    numbers: list[float]
    exemplars: list[Exemplar | None]

    def with_other(self, other: "_Entry", combine: Callable[[float, float], float]) -> "_Entry":
        """Return both, since the first was created, with the newer request of each bucket."""
        pairs = zip(self.exemplars, other.exemplars, strict=False)
        newest = [max(pair, key=_time_of) for pair in pairs]
        numbers = [*map(combine, self.numbers, other.numbers)]
        return _Entry(min(self.created, other.created), numbers, newest)


def _time_of(exemplar: Exemplar | None) -> float:
    return exemplar[2] if exemplar else 0.0
