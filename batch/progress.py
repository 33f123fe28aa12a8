"""How far a batch is: rows a second, and the time left."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from lading.batch.work import ChunkRecord


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Args:
        rows: the rows that are finished.
        failed: how many of them have no answer.
        share: the finished share of the input, from 0 to 1.
        rows_per_second: of this run.
        seconds_left: the time left at this pace; None before it is known.
    """

    rows: int
    failed: int
    share: float
    rows_per_second: float
    seconds_left: float | None


OnProgress = Callable[[Progress], object]
"""Called when a chunk is finished."""


class Meter:
    """Counts finished chunks, and tells the progress.

    Args:
        size: the size of the input; see `RowSource.size`.
        before: chunks that an interrupted run had finished.
        on_progress: called with the progress so far.
        clock: returns seconds.
    """

    def __init__(
        self,
        size: int,
        before: Iterable[ChunkRecord],
        on_progress: OnProgress,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._size, self._on_progress, self._clock = max(1, size), on_progress, clock
        self._rows = self._failed = self._done = 0
        for record in before:
            self._count(record)
        self._rows_before, self._done_before, self._began = self._rows, self._done, clock()

    def note(self, record: ChunkRecord) -> None:
        """Count a chunk that is finished, and tell the progress."""
        self._count(record)
        seconds = max(1e-9, self._clock() - self._began)
        done = self._done - self._done_before
        left = (self._size - self._done) / done * seconds if done > 0 else None
        pace = (self._rows - self._rows_before) / seconds
        share = min(1.0, self._done / self._size)
        self._on_progress(Progress(self._rows, self._failed, share, pace, left))

    def _count(self, record: ChunkRecord) -> None:
        self._rows += record.rows
        self._failed += record.failed
        self._done += record.size
