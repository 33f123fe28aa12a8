"""A batch on this machine, from its input to its output.

Chunks of the input are answered by the workers, and kept. When all are finished, the output is
assembled and renamed, and the manifest is written last. A batch that was interrupted, at any
moment, goes on after its finished chunks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic

from lading.batch.crew import Crew
from lading.batch.errors import RowFailed
from lading.batch.outputs.registry import output_suffix
from lading.batch.progress import Meter, OnProgress
from lading.batch.publishing import ERRORS, Finished, beside, publish, require_free, work_folder
from lading.batch.s3 import SCHEME, RemoteFiles
from lading.batch.sources.registry import open_source
from lading.batch.sources.source import ChunkSize, RowSource
from lading.batch.work import ChunkRecord, WorkFolder
from lading.batch.worker import WorkerJob


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch is to do.

    Args:
        source: the input: a path, or an address in S3.
        output: the output: a path, or an address in S3.
        root: the folder that holds `models/<name>/<version>`.
        model: the model's name.
        version: its version.
        digest: the digest of that version.
        workers: the number of processes.
        group: the most rows in one run of the model; None: the model decides.
        chunk: where chunks end.
        strict: whether a row without an answer ends the batch.
        overwrite: whether an output that is there, or an interrupted batch, is replaced.
    """

    source: str
    output: str
    root: Path
    model: str
    version: int
    digest: str
    workers: int
    group: int | None = None
    chunk: ChunkSize = field(default_factory=ChunkSize)
    strict: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What a batch did; also the content of its manifest.

    Args:
        model: the model's name.
        version: its version.
        digest: the digest of the version.
        input: the input.
        output: the output.
        rows: the rows of the input.
        answered: how many of them have an answer.
        failed: how many have none.
        errors: the file of the rows without an answer; None if each has one.
        chunks: the number of chunks.
        resumed: the rows that an interrupted run had finished.
        group: the most rows in one run of the model.
        workers: the number of processes.
        seconds: the time of this run.
    """

    model: str
    version: int
    digest: str
    input: str
    output: str
    rows: int
    answered: int
    failed: int
    errors: str | None
    chunks: int
    resumed: int
    group: int
    workers: int
    seconds: float

    @classmethod
    def of(  # noqa: PLR0913 what the records do not say
        cls,
        batch: Batch,
        records: Sequence[ChunkRecord],
        *,
        resumed: int,
        group: int,
        workers: int,
        seconds: float,
    ) -> "Summary":
        """Return what the chunks of a batch add up to; see the class for the rest."""
        rows = sum(record.rows for record in records)
        failed = sum(record.failed for record in records)
        return cls(
            model=batch.model,
            version=batch.version,
            digest=batch.digest,
            input=batch.source,
            output=batch.output,
            rows=rows,
            answered=rows - failed,
            failed=failed,
            errors=beside(batch.output, ERRORS) if failed else None,
            chunks=len(records),
            resumed=resumed,
            group=group,
            workers=workers,
            seconds=round(seconds, 3),
        )


def run_batch(batch: Batch, on_progress: OnProgress) -> Summary:
    """Run a batch, or go on with it.

    Args:
        batch: what it is to do.
        on_progress: called after each chunk.

    Raises:
        BatchError: it cannot be done; what is finished is kept.
    """
    began, objects = monotonic(), RemoteFiles()
    output_suffix(batch.output)  # before anything is done
    work = work_folder(batch.output)
    if not batch.overwrite:
        require_free(batch.output, work, objects)
    with work.held():
        if batch.overwrite:
            work.clear()
        source, identity = open_input(batch.source, work, objects)
        with Crew(_job(batch, work), batch.workers) as crew:
            model = crew.describe()
            source.check(model.metadata)
            work.begin(_facts(batch, identity, model.group))
            before = work.finished()
            records = _answer(batch, source, crew, work, on_progress)
        resumed = sum(record.rows for record in before.values())
        summary = Summary.of(
            batch,
            records,
            resumed=resumed,
            group=model.group,
            workers=batch.workers,
            seconds=monotonic() - began,
        )
        names = model.metadata.output_names()
        publish(batch.output, work, Finished(records, names, asdict(summary)), objects)
        work.end()
    return summary


def open_input(address: str, work: WorkFolder, objects: RemoteFiles) -> tuple[RowSource, str]:
    """Return an input, copied here if it is in S3, and what changes when it does."""
    if not address.startswith(SCHEME):
        source = open_source(Path(address))
        return source, source.identity()
    identity = objects.identity(address)
    return open_source(objects.copy(address, work.path / "input")), identity


def _job(batch: Batch, work: WorkFolder) -> WorkerJob:
    return WorkerJob(
        root=batch.root,
        model=batch.model,
        version=batch.version,
        digest=batch.digest,
        group=batch.group,
        work=work.path.absolute(),
        suffix=output_suffix(batch.output),
    )


def _facts(batch: Batch, identity: str, group: int) -> Mapping[str, object]:
    """Return what must be the same when the batch goes on."""
    return {
        "input": batch.source,
        "content of the input": identity,
        "model": batch.model,
        "version": batch.version,
        "digest": batch.digest,
        "group": group,
        "size of chunks": list(batch.chunk),
    }


def _answer(
    batch: Batch, source: RowSource, crew: Crew, work: WorkFolder, on_progress: OnProgress
) -> list[ChunkRecord]:
    """Answer every chunk that is not finished; return the records of all, in order."""
    records = work.finished()
    for record in records.values():
        require_answers(batch, work, record)
    meter = Meter(source.size, records.values(), on_progress)
    left = (each for each in source.chunks(batch.chunk) if each.number not in records)
    for record in crew.answer(left):
        records[record.number] = record
        meter.note(record)
        require_answers(batch, work, record)
    return [records[number] for number in sorted(records)]


def require_answers(batch: Batch, work: WorkFolder, record: ChunkRecord) -> None:
    """Check, if the batch is strict, that no row of a chunk failed.

    Raises:
        RowFailed: one did.
    """
    if batch.strict and record.failed:
        with work.errors(record.number).open("rb") as lines:
            first = json.loads(lines.readline())
        raise RowFailed(first["row"], first["error"], first["reason"])
