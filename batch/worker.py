"""What a worker process does: it opens the model once, and answers one chunk after another.

The predictor is the one that a server uses, with one thread: there is a process for each processor.
Errors come back as data, because errors with arguments of their own cannot be sent to another
process.
"""

import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import connection, parent_process
from pathlib import Path

import numpy as np

from lading.batch.errors import OutputUnusable
from lading.batch.outputs.part import AnsweredRows
from lading.batch.outputs.registry import FORMATS
from lading.batch.sources.source import Chunk
from lading.batch.work import ChunkRecord, WorkFolder
from lading.functions.contract.errors import InferenceError
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.batches.answering import Failure, RowAnswers, answer, group_size
from lading.functions.inference.batches.lines import error_lines
from lading.functions.inference.batches.rows import Rows
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.predictor import ModelMetadata, Predictor


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What all chunks of a batch have in common.

    Args:
        root: the folder that holds `models/<name>/<version>`.
        model: the model's name.
        version: its version.
        digest: the digest of that version.
        group: the most rows in a run; None: the model decides.
        work: the work folder.
        suffix: the suffix of the output's format.
    """

    root: Path
    model: str
    version: int
    digest: str
    group: int | None
    work: Path
    suffix: str


@dataclass(frozen=True, slots=True)
class Described:
    """The model, as a worker opened it."""

    metadata: ModelMetadata
    group: int


@dataclass(frozen=True, slots=True)
class Refused:
    """An error that ends the batch, as data.

    Args:
        error: the kind of error.
        reason: its text.
    """

    error: str
    reason: str


def start() -> None:
    """Prepare the process: it ends with its parent, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def describe(job: WorkerJob) -> Described | Refused:
    """Open the model, and return what it is."""
    try:
        predictor = _predictor(job)
        return Described(predictor.metadata, group_size(predictor, job.group))
    except InferenceError as error:
        return Refused(type(error).__name__, str(error))


def answer_chunk(job: WorkerJob, chunk: Chunk, lethal: Sequence[int] = ()) -> ChunkRecord | Refused:
    """Answer a chunk, and keep its answers in the work folder.

    Args:
        job: the batch.
        chunk: the chunk.
        lethal: places of rows that ended a worker; they get no answer.
    """
    try:
        answers = _answer(job, chunk.rows, lethal)
        return keep_answers(WorkFolder(job.work), job.suffix, chunk, answers)
    except OutputUnusable as error:
        return Refused(type(error).__name__, error.reason)
    except InferenceError as error:
        return Refused(type(error).__name__, str(error))


def survive(job: WorkerJob, rows: Rows) -> bool:
    """Answer rows and forget the answers: whoever calls learns whether the process survives."""
    with suppress(InferenceError):
        _answer(job, rows, ())
    return True


@cache
def _predictor(job: WorkerJob) -> Predictor:
    served = ServedModel(job.model, {job.version: job.digest})
    settings = ServingSettings(models=(served,), model_root=str(job.root), threads=1)
    return load_catalog(settings).model(job.model).predictor(job.version)


def _answer(job: WorkerJob, rows: Rows, lethal: Sequence[int]) -> RowAnswers:
    predictor = _predictor(job)
    group = group_size(predictor, job.group)
    if not lethal:
        return answer(predictor, rows, group)
    kept = [place for place in range(len(rows)) if place not in set(lethal)]
    found = answer(predictor, rows.taken(kept), group)
    died = [Failure(place, "WorkerDied", "the process ended while it answered") for place in lethal]
    failures = [each._replace(place=kept[each.place]) for each in found.failures]
    places = [kept[place] for place in found.places]
    return RowAnswers(places, found.outputs, sorted([*failures, *died]))


def keep_answers(work: WorkFolder, suffix: str, chunk: Chunk, answers: RowAnswers) -> ChunkRecord:
    """Keep the answers and errors of a chunk in the work folder, its record last.

    Raises:
        OutputUnusable: the answers do not fit the format of the output.
    """
    part, errors = work.part(chunk.number), work.errors(chunk.number)
    unfinished = part.with_suffix(".tmp")
    if answers.failures:
        unfinished.write_bytes(error_lines(answers.failures, chunk.first, chunk.files))
        _keep(unfinished, errors)
    if answers.places:
        rows = np.array(answers.places, np.int64) + chunk.first
        files = [chunk.files[place] for place in answers.places] if chunk.files else []
        FORMATS[suffix].write(AnsweredRows(rows, files, answers.outputs), unfinished)
        _keep(unfinished, part)
    failed = len(answers.failures)
    record = ChunkRecord(chunk.number, chunk.first, len(chunk.rows), failed, chunk.size)
    work.finish(record)
    return record


def _keep(unfinished: Path, path: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
