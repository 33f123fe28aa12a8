"""Families of metrics: counters, histograms, and gauges that are read when someone scrapes.

Counting is a part of every request, so a caller finds a series once and changes it directly while
it holds the registry's lock: an addition for a counter, a bisection and two additions for a
histogram. A snapshot of the numbers is plain JSON, and those of several processes add up.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import chain
from operator import add
from threading import Lock
from time import time
from typing import NamedTuple

LabelValues = tuple[str, ...]
Samples = Iterable[tuple[LabelValues, float]]
Snapshot = Mapping[str, list[tuple[LabelValues, float, list[float]]]]
"""Family -> label values, time of creation in seconds since 1970, and numbers of each series."""


class Kind(Enum):
    """The types of a family; the values are Prometheus's words."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


class Description(NamedTuple):
    """Name, help text, labels and kind of a family, for a scraper.

    Args:
        name: the name, of a counter without `_total`.
        text: the meaning, in a sentence.
        labels: the names of the labels.
        kind: the type.
        bounds: of a histogram, the highest value of each bucket but the last, ascending.
        least: of a gauge, whether several processes together have the lowest value, not the sum.
    """

    name: str
    text: str
    labels: LabelValues
    kind: Kind = Kind.COUNTER
    bounds: tuple[float, ...] = ()
    least: bool = False


class Series:
    """The numbers of a family under one set of label values; change it under the registry's lock.

    `numbers` are a counter's total; a histogram's count in each bucket, then the sum of its values.
    """

    __slots__ = ("_bounds", "created", "numbers")

    def __init__(self, bounds: tuple[float, ...], size: int) -> None:
        self._bounds = bounds
        self.created = time()
        self.numbers = [0.0] * size

    def count(self, amount: float = 1.0) -> None:
        """Add to a counter."""
        self.numbers[0] += amount

    def observe(self, value: float) -> None:
        """Add a value to a histogram: to the first bucket whose bound is not below it."""
        self.numbers[bisect_left(self._bounds, value)] += 1.0
        self.numbers[-1] += value


class MetricFamily:
    """The series of one metric.

    Args:
        description: see `Description`.
    """

    def __init__(self, description: Description) -> None:
        self.description = description
        self.known: dict[LabelValues, Series] = {}
        histogram = description.kind is Kind.HISTOGRAM
        self._size = len(description.bounds) + 2 if histogram else 1

    def series(self, *values: str) -> Series:
        """Return the series of these label values, new ones with zeros; hold the lock."""
        found = self.known.get(values)
        if found is None:
            found = self.known[values] = Series(self.description.bounds, self._size)
        return found


class Registry:
    """The families of one process, in the order of their registration.

    Hold `turn` while a series is looked up or changed.
    """

    def __init__(self) -> None:
        self.turn = Lock()
        self._families: dict[str, MetricFamily] = {}
        self._gauges: dict[str, tuple[Description, Callable[[], Samples]]] = {}

    def register(self, description: Description) -> MetricFamily:
        """Return a new family of counters or histograms."""
        family = self._families[description.name] = MetricFamily(description)
        return family

    def register_gauge(self, description: Description, read: Callable[[], Samples]) -> None:
        """Have `read` called for the values of a gauge at each scrape, without the lock."""
        self._gauges[description.name] = description._replace(kind=Kind.GAUGE), read

    def descriptions(self) -> list[Description]:
        """Return what there is: counters and histograms, then gauges."""
        counted = [family.description for family in self._families.values()]
        return [*counted, *(description for description, _ in self._gauges.values())]

    def snapshot(self) -> Snapshot:
        """Return all numbers as they are now."""
        with self.turn:
            counted = {
                name: [(key, it.created, [*it.numbers]) for key, it in family.known.items()]
                for name, family in self._families.items()
            }
        read = {
            name: [(key, 0.0, [float(value)]) for key, value in read()]
            for name, (_, read) in self._gauges.items()
        }
        return {**counted, **read}


def together(snapshots: Iterable[Snapshot], descriptions: Iterable[Description]) -> Snapshot:
    """Return the numbers of several processes as those of one."""
    least = {description.name for description in descriptions if description.least}
    merged: dict[str, dict[LabelValues, tuple[float, list[float]]]] = {}
    for name, entries in chain.from_iterable(each.items() for each in snapshots):
        family = merged.setdefault(name, {})
        for key, created, numbers in entries:
            labels = tuple(key)  # JSON has only lists
            if labels in family:
                earlier, others = family[labels]
                combine = min if name in least else add
                numbers = [*map(combine, others, numbers)]  # noqa: PLW2901 the sum so far
                created = min(earlier, created)  # noqa: PLW2901 of the first process
            family[labels] = created, numbers
    return {
        name: [(key, created, numbers) for key, (created, numbers) in family.items()]
        for name, family in merged.items()
    }
