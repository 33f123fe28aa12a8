"""Counts of the exchanges of a process, in its registry.

This is a part of every request, so a series is found once for all requests that agree in model,
version and dialect, and a histogram is a bisection and two additions. Sizes repeat: equal ones are
counted together, and reach their histograms when somebody scrapes.
"""

from bisect import bisect_left
from typing import Final

from lading.functions.contract import watched
from lading.functions.contract.watched import SECONDS, Figure
from lading.functions.inference.observability.families import LabelValues, Registry, Series
from lading.functions.inference.observability.line import (
    is_client_error,
    is_server_error,
    rare_counts,
)
from lading.functions.inference.wire.messages import Observation

_NONE: Final = "none"
_ERROR: Final = 400
_MOST_SIZES: Final = 512
_SIZES: Final = (watched.REQUEST_BYTES, watched.RESPONSE_BYTES, watched.BATCH_ROWS)
_FAMILIES: Final = (
    *(watched.REQUESTS, watched.CLIENT_ERRORS, watched.SERVER_ERRORS, watched.COLD_STARTS),
    *(*watched.TIMES.values(), watched.REQUEST_BYTES, watched.RESPONSE_BYTES, watched.BATCH_ROWS),
    *watched.FAULTS.values(),
)


class Counts:
    """The counters and histograms of requests.

    Args:
        registry: where they are.
    """

    def __init__(self, registry: Registry) -> None:
        self._turn = registry.turn
        self._families = {figure.name: registry.register(figure) for figure in _FAMILIES}
        self._known: dict[tuple[str, int | None, str], _Alike] = {}
        registry.settle = self._settle

    def _settle(self) -> None:
        for alike in self._known.values():
            alike.settle()

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended."""
        key, times = (seen.model, seen.version, seen.dialect), seen.milliseconds()
        with self._turn:
            alike = self._known.get(key) or self._begin(key)
            (alike.statuses.get(status) or alike.status(status))[0] += 1.0
            for span, milliseconds in times.items():
                numbers = alike.times.get(span) or alike.time(span)
                seconds = milliseconds / 1000
                numbers[bisect_left(SECONDS, seconds)] += 1.0
                numbers[-1] += seconds
            if (ended := seen.ended) is not None:
                seconds = ended - seen.started
                alike.exemplars[bisect_left(SECONDS, seconds)] = seen.request_id, seconds, ended
            sizes = seen.received, seen.sent, seen.rows
            alike.sizes[sizes] = alike.sizes.get(sizes, 0) + 1
            if len(alike.sizes) > _MOST_SIZES:
                alike.settle()
            if status >= _ERROR or seen.error is not None or seen.broken or seen.answered_by:
                alike.note_errors(status, seen)

    def _begin(self, key: tuple[str, int | None, str]) -> "_Alike":
        """Return what counts requests that have not been seen before."""
        first = not self._known
        labels = tuple(str(value or _NONE) for value in key)
        alike = self._known[key] = _Alike(self, labels)
        self.series(watched.COLD_STARTS, labels).count(float(first))
        return alike

    def series(self, figure: Figure, labels: LabelValues) -> Series:
        """Return a series; hold the lock."""
        return self._families[figure.name].series(*labels)


class _Alike:
    """The series of the requests that agree in model, version and dialect.

    Errors begin with zeros: Prometheus sees no increase in a first value.

    Args:
        counts: has the series.
        labels: the values of their labels.
    """

    __slots__ = ("_counts", "_labels", "exemplars", "sizes", "statuses", "times")

    def __init__(self, counts: Counts, labels: LabelValues) -> None:
        self._counts, self._labels = counts, labels
        self.statuses: dict[int, list[float]] = {}
        self.times: dict[str, list[float]] = {}
        self.exemplars = counts.series(watched.TIMES["total"], labels).exemplars
        self.sizes: dict[tuple[int, int, int], int] = {}
        """Bytes received and sent, and rows -> how many requests; not yet in their histograms."""
        for figure in (watched.CLIENT_ERRORS, watched.SERVER_ERRORS, *watched.FAULTS.values()):
            counts.series(figure, labels)

    def status(self, status: int) -> list[float]:
        """Return the number of answers with a status."""
        labels = (*self._labels, str(status))
        found = self.statuses[status] = self._counts.series(watched.REQUESTS, labels).numbers
        return found

    def time(self, span: str) -> list[float]:
        """Return the numbers of a part of the time."""
        found = self.times[span] = self._counts.series(watched.TIMES[span], self._labels).numbers
        return found

    def settle(self) -> None:
        """Add the sizes to their histograms: at a scrape, or when many differ."""
        for sizes, requests in self.sizes.items():
            for figure, size in zip(_SIZES, sizes, strict=True):
                if size or figure is not watched.BATCH_ROWS:
                    numbers = self._counts.series(figure, self._labels).numbers
                    numbers[bisect_left(figure.bounds, size)] += requests
                    numbers[-1] += requests * size
        self.sizes.clear()

    def note_errors(self, status: int, seen: Observation) -> None:
        """Count what an exchange with an error counts as."""
        figures = [watched.FAULTS[name] for name in rare_counts(seen)]
        if is_client_error(status):
            figures.append(watched.CLIENT_ERRORS)
        if is_server_error(status, seen):
            figures.append(watched.SERVER_ERRORS)
        for figure in figures:
            self._counts.series(figure, self._labels).count()
