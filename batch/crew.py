"""The worker processes of a batch, and what happens when one of them dies.

A worker that dies takes the other chunks under way with it (concurrent.futures). Each of these is
then answered again by a process of its own. If that dies too, the rows that end it are found by
halving, and get an error in place of an answer.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Self, TypeVar

from lading.batch.errors import BatchError, WorkersDie
from lading.batch.processes import start_pool, submit
from lading.batch.sources.source import Chunk
from lading.batch.work import ChunkRecord
from lading.batch.worker import (
    Described,
    Refused,
    WorkerJob,
    answer_chunk,
    describe,
    start,
    survive,
)

_AHEAD = 2
"""Chunks in memory for each worker: the one that it answers, and the next."""
_MOST_DEATHS = 64
"""Deaths in one chunk after which the model, not a row, is to blame."""

Answer = TypeVar("Answer")
_Futures = dict[Future[ChunkRecord | Refused], Chunk]


class Crew:
    """Worker processes; leaving the context ends them.

    Args:
        job: the batch.
        workers: how many there are.
    """

    def __init__(self, job: WorkerJob, workers: int) -> None:
        self._job, self._workers = job, workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def describe(self) -> Described:
        """Return what the model is.

        Raises:
            BatchError: it cannot be opened.
        """
        try:
            return _accepted(submit(self._running(), describe, self._job).result())
        except BrokenProcessPool as error:
            raise WorkersDie(self._job.model, "when it opens the model") from error

    def answer(self, chunks: Iterator[Chunk]) -> Iterator[ChunkRecord]:
        """Answer chunks; yield the record of each when it is finished, in any order.

        Raises:
            BatchError: no row can be answered, or the answers cannot be written.
        """
        under_way: list[Chunk] = []
        while True:
            try:
                yield from self._together(chunks, under_way)
            except BrokenProcessPool:
                self._end_pool()
                for chunk in under_way:
                    yield self._answer_alone(chunk)
                under_way.clear()
            else:
                return

    def _together(self, chunks: Iterator[Chunk], under_way: list[Chunk]) -> Iterator[ChunkRecord]:
        """Answer chunks by all workers; `under_way` has those that are not finished."""
        futures: _Futures = {}
        for chunk in chunks:
            under_way.append(chunk)
            futures[submit(self._running(), answer_chunk, self._job, chunk)] = chunk
            if len(futures) >= self._workers * _AHEAD:
                yield from _ended(futures, under_way)
        while futures:
            yield from _ended(futures, under_way)

    def _answer_alone(self, chunk: Chunk) -> ChunkRecord:
        try:
            return _accepted(_alone(answer_chunk, self._job, chunk))
        except BrokenProcessPool:
            lethal = self._lethal(chunk)
        try:
            return _accepted(_alone(answer_chunk, self._job, chunk, lethal))
        except BrokenProcessPool as error:
            raise WorkersDie(self._job.model, "also without the rows that end it") from error

    def _lethal(self, chunk: Chunk) -> list[int]:
        """Return the places of the rows that end a process."""
        found: list[int] = []
        deaths = 0
        halves: list[Sequence[int]] = [range(len(chunk.rows))]
        while halves:
            places = halves.pop()
            if _survived(self._job, chunk, places):
                continue
            deaths += 1
            if deaths > _MOST_DEATHS:
                raise WorkersDie(self._job.model, f"{deaths} times in one chunk")
            middle = len(places) // 2
            if middle:
                halves += [places[middle:], places[:middle]]
            else:
                found.append(places[0])
        return found

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = start_pool(self._workers, start)
        return self._pool

    def _end_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None


def _ended(futures: _Futures, under_way: list[Chunk]) -> Iterator[ChunkRecord]:
    """Wait until a chunk is finished; yield the records of all that are."""
    for future in wait(futures, return_when=FIRST_COMPLETED).done:
        record = _accepted(future.result())
        under_way.remove(futures.pop(future))
        yield record


def _survived(job: WorkerJob, chunk: Chunk, places: Sequence[int]) -> bool:
    try:
        return _alone(survive, job, chunk.rows.taken(places))
    except BrokenProcessPool:
        return False


def _alone(work: Callable[..., Answer], *arguments: Any) -> Answer:
    """Do one thing in a process of its own.

    Raises:
        BrokenProcessPool: the process died.
    """
    with start_pool(1, start) as pool:
        return submit(pool, work, *arguments).result()


def _accepted(found: Answer | Refused) -> Answer:
    if isinstance(found, Refused):
        raise BatchError(f"{found.error}: {found.reason}")
    return found
