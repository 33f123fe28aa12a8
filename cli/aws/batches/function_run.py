"""A batch in the cloud, from its input to its output: staged, started, followed, collected.

Its id follows from the input and the version, so the command that is run again finds what is there:
chunks that were uploaded, an execution that runs, answers that were collected.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from time import monotonic
from typing import Any, NamedTuple

from lading.api.progress import OnStep
from lading.batch.collecting import WrittenPart, collect, lost_rows, note_lost
from lading.batch.cost import FunctionPrice, cost, row_ms, rows_of_a_part
from lading.batch.engine_choice import EngineChoice
from lading.batch.outputs.registry import output_suffix
from lading.batch.publishing import Finished, publish, require_free, work_folder
from lading.batch.run import Batch, Summary, open_input, require_answers
from lading.batch.s3 import SCHEME, RemoteFiles
from lading.batch.sources.folder import FolderOfFiles
from lading.batch.sources.source import ChunkSize
from lading.batch.staging import CloudInput, Kind, in_place, staged
from lading.batch.work import ChunkRecord, WorkFolder
from lading.cli.aws.batches.executions import BatchExecution, BatchService
from lading.functions.inference.batches.event import ERRORS as FAILED
from lading.functions.inference.batches.event import RECORDS, RESULTS
from lading.functions.inference.models.predictor import ModelMetadata

_ENGINE = EngineChoice("map", "").title
_LOST = "the function answered no part with this row; its log says why"


@dataclass(frozen=True, slots=True)
class CloudFunction:
    """What is known of the function that answers.

    Args:
        metadata: of its model.
        price: what it costs.
        row_ms: the model's time for a row, in milliseconds.
        timeout_s: its time limit.
    """

    metadata: ModelMetadata
    price: FunctionPrice
    row_ms: float
    timeout_s: float

    def rows_of_a_part(self, most: int) -> int:
        """Return how many rows a part may have, of `most`."""
        return rows_of_a_part(self.row_ms, self.timeout_s, most)

    def estimate(self, rows: int, most: int = ChunkSize().rows) -> float:
        """Return the cost that is expected, in dollars."""
        parts = -(-rows // self.rows_of_a_part(most))
        return cost(self.price, rows * row_ms(self.row_ms) / 1000, parts)


@dataclass(frozen=True, slots=True)
class CloudSummary:
    """What a batch in the cloud did.

    Args:
        batch: what was done; `workers` is the number of parts, or of instances.
        engine: AWS's name of what answered.
        id: its id, for `lading batch status`.
        results: where its results are in S3.
        estimated: the cost that was expected, in dollars; None: there is no price.
        cost: the cost by the time that was taken, in dollars; None: there is no price.
    """

    batch: Summary
    engine: str
    id: str
    results: str
    estimated: float | None
    cost: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as one flat document."""
        own = {key: value for key, value in asdict(self).items() if key != "batch"}
        return {**asdict(self.batch), **own}


def run_in_cloud(
    batch: Batch, function: CloudFunction, service: BatchService, on_step: OnStep
) -> CloudSummary:
    """Run a batch by a model's function, or go on with it.

    Args:
        batch: what it is to do.
        function: the function.
        service: the batches of the account.
        on_step: called with the name of each step.

    Raises:
        BatchError: the input or the output cannot be used.
        CliError: AWS refused a request, or the batch did not succeed.
    """
    began, files = monotonic(), RemoteFiles()
    suffix, work = output_suffix(batch.output), work_folder(batch.output)
    service.require_version(batch.version)
    if not batch.overwrite:
        require_free(batch.output, work, files)
    with work.held():
        if batch.overwrite:
            work.clear()
        most = function.rows_of_a_part(batch.chunk.rows)
        found = _placed(batch, function.metadata, most, service.bucket, work)
        estimated = function.estimate(found.rows, batch.chunk.rows)
        on_step(f"about {found.rows:,} rows, estimated at ${estimated:,.4f}")
        results = f"{SCHEME}{service.bucket}/batches/{found.id}"
        request = _request(found.place, results, service.bucket) | {"version": batch.version}
        known = service.known(found.id)
        execution = known or service.start(found.id, request)
        work.begin({"input": batch.source, "batch": found.id})

        def answers(execution: BatchExecution) -> _Answers:
            service.follow(execution, _teller(execution, results, on_step))
            rows = found.rows if found.exact else service.items(execution)
            on_step("collecting the answers")
            return _collect(work, suffix, function.metadata, files, results, rows)

        records, seconds, lost = answers(execution)
        if known is not None and lost:  # parts that failed are tried again, and only they
            execution = service.start(found.id, request)
            records, seconds, lost = answers(execution)
        records += _noted(work, lost, len(records))
        summary = Summary.of(
            batch, records, resumed=0, group=most, workers=len(records), seconds=monotonic() - began
        )
        spent = cost(function.price, seconds, len(records))
        costs = (round(estimated, 6), round(spent, 6))
        told = CloudSummary(summary, _ENGINE, execution.id, results, *costs)
        for record in records:
            require_answers(batch, work, record)
        ordered = sorted(records, key=lambda record: record.first)
        finished = Finished(ordered, function.metadata.output_names(), told.to_json())
        publish(batch.output, work, finished, files)
        work.end()
    return told


def _request(place: CloudInput, results: str, bucket: str) -> dict[str, str | int]:
    manifest = f"{results.removeprefix(f's3://{bucket}/')}/manifest"
    where = {"kind": place.kind, "input": place.bucket, "prefix": place.prefix}
    return {**where, "results": results, "bucket": bucket, "manifest": manifest}


@dataclass(frozen=True, slots=True)
class _Placed:
    """An input in S3: where it is, its rows or about as many, and the batch's id."""

    place: CloudInput
    rows: int
    exact: bool
    id: str


def _placed(
    batch: Batch, metadata: ModelMetadata, most: int, bucket: str, work: WorkFolder
) -> _Placed:
    """Return where the input is; it is copied there if the Map cannot read it where it is."""
    files = RemoteFiles()
    there = in_place(batch.source)
    if there is not None:
        id_ = batch_id(batch, files.identity(batch.source))
        if there.kind == "files":
            return _Placed(there, len(files.names(batch.source)), True, id_)
        return _Placed(there, files.about_lines(batch.source), False, id_)
    source, identity = open_input(batch.source, work, files)
    source.check(metadata)
    id_ = batch_id(batch, identity)
    prefix = f"batches/{id_}/input/"
    address = f"{SCHEME}{bucket}/{prefix}"
    known, rows = files.names(address), 0
    for each in staged(source, ChunkSize(most, batch.chunk.bytes), metadata):
        rows += each.rows
        if each.name not in known:
            files.write(f"{address}{each.name}", each.content)
    kind: Kind = "files" if isinstance(source, FolderOfFiles) else "chunks"
    return _Placed(CloudInput(kind, bucket, prefix), rows, True, id_)


def batch_id(batch: Batch, identity: str) -> str:
    """Return the id of a batch, which follows from its input, its version and its options."""
    facts = [batch.source, identity, batch.model, batch.digest, batch.chunk.rows]
    return sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _teller(execution: BatchExecution, results: str, on_step: OnStep) -> Callable[[], None]:
    """Return what tells how many parts are answered, when there are more."""
    files, last = RemoteFiles(), -1

    def tell() -> None:
        nonlocal last
        parts = len(files.names(f"{results}/{RECORDS}"))
        if parts > last:
            on_step(f"batch {execution.id} runs: {parts:,} parts are answered")
        last = parts

    return tell


class _Answers(NamedTuple):
    """The parts of a batch, the time that they took together, and the rows that no part has."""

    records: list[ChunkRecord]
    seconds: float
    lost: list[range]


def _collect(
    work: WorkFolder,
    suffix: str,
    metadata: ModelMetadata,
    files: RemoteFiles,
    results: str,
    rows: int,
) -> _Answers:
    """Keep the answers of each part; return what there is."""
    records: list[ChunkRecord] = []
    seconds, after = 0.0, 0
    answered, failed = (files.names(f"{results}/{kind}") for kind in (RESULTS, FAILED))
    for number, name in enumerate(sorted(files.names(f"{results}/{RECORDS}"))):
        seconds += json.loads(files.read(f"{results}/{RECORDS}/{name}"))["seconds"]
        lines = [
            files.read(f"{results}/{kind}/{name}") if name in known else b""
            for kind, known in ((RESULTS, answered), (FAILED, failed))
        ]
        part = WrittenPart(number, lines[0], lines[1], after)
        record = collect(work, suffix, metadata, part)
        if record is not None:
            records.append(record)
            after = record.first + record.rows
    return _Answers(records, seconds, [*lost_rows(records, rows)])


def _noted(work: WorkFolder, lost: list[range], first: int) -> list[ChunkRecord]:
    """Give rows that no part has an error; return them as parts, numbered from `first`."""
    return [note_lost(work, rows, first + place, _LOST) for place, rows in enumerate(lost)]
