"""Counts of the exchanges of a process, in its registry.

This is a part of every request. So a request leaves its numbers in a row; the rows of requests that
agree in all labels are put into histograms together: at a scrape, or when there are many of them.
"""

from array import array
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lading.functions.contract import watched
from lading.functions.contract.names import CAPTURE
from lading.functions.contract.watched import SECONDS, Figure
from lading.functions.inference.observability.families import LabelValues, Registry, Series
from lading.functions.inference.observability.line import (
    is_client_error,
    is_server_error,
    rare_counts,
)
from lading.functions.inference.wire.messages import Observation

if TYPE_CHECKING:
    from lading.functions.inference.capture.truths import FeedbackScore

_NONE: Final = "none"
_ERROR: Final = 400
MOST_WAITING: Final = 256
"""Requests that agree in all labels, until they are put into histograms."""
_SIZES: Final = (watched.REQUEST_BYTES, watched.RESPONSE_BYTES)
_FAMILIES: Final = (
    *(watched.REQUESTS, watched.CLIENT_ERRORS, watched.SERVER_ERRORS, watched.COLD_STARTS),
    *(*watched.TIMES.values(), watched.REQUEST_BYTES, watched.RESPONSE_BYTES, watched.BATCH_ROWS),
    *watched.FAULTS.values(),
    *watched.FEEDBACK.values(),
)
_MOST_JUDGED: Final = 100
"""Versions that have truths; callers may name more, which are counted together."""

Labels = tuple[str, int | None, str]
"""Model, version and dialect."""


class Counts:
    """The counters and histograms of requests.

    Args:
        registry: where they are.
    """

    def __init__(self, registry: Registry) -> None:
        self._turn = registry.turn
        self._families = {figure.name: registry.register(figure) for figure in _FAMILIES}
        self._known: dict[tuple[Any, ...], _Alike] = {}
        registry.settle = self._settle

    def _settle(self) -> None:
        for alike in self._known.values():
            alike.settle()

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended."""
        times = seen.milliseconds()
        # What is in the row is a part of the key: not every request waited, or ran a model.
        key = (seen.model, seen.version, seen.dialect, status, *times)
        with self._turn:
            alike = self._known.get(key) or self._begin(key, seen, status)
            alike.ids.append(seen.request_id)
            alike.rows.extend(
                (seen.ended or 0.0, seen.received, seen.sent, seen.rows, *times.values())
            )
            if len(alike.ids) >= MOST_WAITING:
                alike.settle()
            if seen.feedback is not None:
                self._note_feedback(seen.feedback)
            if status >= _ERROR or seen.error is not None or seen.broken or seen.answered_by:
                self._note_errors(alike, status, seen)

    def _note_feedback(self, score: "FeedbackScore") -> None:
        """Count how right an answer was."""
        family = self._families[watched.FEEDBACK[CAPTURE.rows].name]
        known, labels = family.known, (score.model, str(score.version))
        if labels not in known and len(known) >= _MOST_JUDGED:
            labels = score.model, "other"
        for name, amount in score.counts():
            self.series(watched.FEEDBACK[name], labels).count(amount)

    def _begin(self, key: tuple[Any, ...], seen: Observation, status: int) -> "_Alike":
        """Return what counts requests that have not been seen before."""
        labels = tuple(str(value or _NONE) for value in (seen.model, seen.version, seen.dialect))
        if not any(alike.labels == labels for alike in self._known.values()):
            self._begin_labels(labels)
        spans = tuple(seen.milliseconds())
        alike = self._known[key] = _Alike(self, labels, status, spans)
        return alike

    def _begin_labels(self, labels: LabelValues) -> None:
        """Begin errors with zeros: Prometheus sees no increase in a first value."""
        self.series(watched.COLD_STARTS, labels).count(float(not self._known))
        for figure in (watched.CLIENT_ERRORS, watched.SERVER_ERRORS, *watched.FAULTS.values()):
            self.series(figure, labels)

    def _note_errors(self, alike: "_Alike", status: int, seen: Observation) -> None:
        """Count what an exchange with an error counts as."""
        figures = [watched.FAULTS[name] for name in rare_counts(seen)]
        if is_client_error(status):
            figures.append(watched.CLIENT_ERRORS)
        if is_server_error(status, seen):
            figures.append(watched.SERVER_ERRORS)
        for figure in figures:
            self.series(figure, alike.labels).count()

    def series(self, figure: Figure, labels: LabelValues) -> Series:
        """Return a series; hold the lock."""
        return self._families[figure.name].series(*labels)


class _Alike:
    """The requests that agree in model, version, dialect, status and parts of their time.

    A row has the time of `perf_counter` at the end, the bytes received and sent, the rows of the
    run, and each part of the time in milliseconds.

    Args:
        counts: has the series.
        labels: model, version and dialect.
        status: that of HTTP.
        spans: the parts of the time, the total first.
    """

    __slots__ = ("_answers", "_counts", "_sizes", "_times", "ids", "labels", "rows")

    def __init__(
        self, counts: Counts, labels: LabelValues, status: int, spans: tuple[str, ...]
    ) -> None:
        self._counts, self.labels = counts, labels
        self._answers = counts.series(watched.REQUESTS, (*labels, str(status)))
        self._sizes = [counts.series(figure, labels) for figure in _SIZES]
        self._times = [counts.series(watched.TIMES[span], labels) for span in spans]
        self.ids: list[str] = []
        self.rows = array("d")

    def settle(self) -> None:
        """Put the rows into the histograms, and forget them."""
        if not self.ids:
            return
        ids, columns = self.ids, np.array(self.rows).reshape(len(self.ids), -1).T
        self.ids, self.rows = [], array("d")
        self._answers.count(float(len(ids)))
        _, received, sent, ran, *times = columns
        self._sizes[0].observe_all(received)
        self._sizes[1].observe_all(sent)
        if ran.any():
            self._counts.series(watched.BATCH_ROWS, self.labels).observe_all(ran[ran > 0])
        for series, milliseconds in zip(self._times, times, strict=True):
            series.observe_all(milliseconds / 1000)
        if times:
            self._name_newest(ids, columns[0], times[0] / 1000)

    def _name_newest(self, ids: list[str], ended: Any, total: Any) -> None:
        """Name the newest request of each bucket of the total time."""
        newest = dict(zip(np.searchsorted(SECONDS, total).tolist(), range(len(ids)), strict=True))
        for bucket, place in newest.items():
            self._times[0].exemplars[bucket] = ids[place], float(total[place]), float(ended[place])
