"""Counts of the exchanges of a process, in its registry.

This is a part of every request, so a series is found once for all requests that agree in model,
version and dialect, and a histogram is a bisection and two additions.
"""

from bisect import bisect_left
from time import time
from typing import Final

from lading.functions.contract import watched
from lading.functions.contract.watched import BYTES, ROWS, SECONDS, Figure
from lading.functions.inference.observability.families import LabelValues, Registry, Series
from lading.functions.inference.observability.line import (
    is_client_error,
    is_server_error,
    rare_counts,
)
from lading.functions.inference.wire.messages import Observation

_NONE: Final = "none"
_ERROR: Final = 400
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

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended."""
        key, times = (seen.model, seen.version, seen.dialect), seen.milliseconds()
        with self._turn:
            alike = self._known.get(key) or self._begin(key)
            (alike.statuses.get(status) or alike.status(status))[0] += 1.0
            for span, milliseconds in times.items():
                series, seconds = alike.times.get(span) or alike.time(span), milliseconds / 1000
                place, numbers = bisect_left(SECONDS, seconds), series.numbers
                numbers[place] += 1.0
                numbers[-1] += seconds
                if series.exemplars:
                    series.exemplars[place] = seen.request_id, seconds, time()
            numbers = alike.received
            numbers[bisect_left(BYTES, seen.received)] += 1.0
            numbers[-1] += seen.received
            numbers = alike.sent
            numbers[bisect_left(BYTES, seen.sent)] += 1.0
            numbers[-1] += seen.sent
            if seen.rows:
                numbers = alike.rows or alike.begin_rows()
                numbers[bisect_left(ROWS, seen.rows)] += 1.0
                numbers[-1] += seen.rows
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

    __slots__ = ("_counts", "_labels", "received", "rows", "sent", "statuses", "times")

    def __init__(self, counts: Counts, labels: LabelValues) -> None:
        self._counts, self._labels = counts, labels
        self.statuses: dict[int, list[float]] = {}
        self.times: dict[str, Series] = {}
        self.rows: list[float] = []
        self.received = counts.series(watched.REQUEST_BYTES, labels).numbers
        self.sent = counts.series(watched.RESPONSE_BYTES, labels).numbers
        for figure in (watched.CLIENT_ERRORS, watched.SERVER_ERRORS):
            counts.series(figure, labels)

    def status(self, status: int) -> list[float]:
        """Return the number of answers with a status."""
        labels = (*self._labels, str(status))
        found = self.statuses[status] = self._counts.series(watched.REQUESTS, labels).numbers
        return found

    def time(self, span: str) -> Series:
        """Return the series of a part of the time."""
        found = self.times[span] = self._counts.series(watched.TIMES[span], self._labels)
        return found

    def begin_rows(self) -> list[float]:
        """Return the numbers of the rows of runs."""
        self.rows = self._counts.series(watched.BATCH_ROWS, self._labels).numbers
        return self.rows

    def note_errors(self, status: int, seen: Observation) -> None:
        """Count what an exchange with an error counts as."""
        figures = [watched.FAULTS[name] for name in rare_counts(seen)]
        if is_client_error(status):
            figures.append(watched.CLIENT_ERRORS)
        if is_server_error(status, seen):
            figures.append(watched.SERVER_ERRORS)
        for figure in figures:
            self._counts.series(figure, self._labels).count()
