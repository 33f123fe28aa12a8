"""A batch in the cloud, from its input to its output: staged, started, followed, collected.

Its id follows from the input and the version, so the command that is run again finds what is there:
chunks that were uploaded, an execution that runs, answers that were collected.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, NamedTuple

from lading.api.progress import OnStep
from lading.batch.collecting import WrittenPart, collect, lost_rows, note_lost
from lading.batch.cost import FunctionPrice, cost, row_ms, rows_of_a_part
from lading.batch.engine_choice import EngineChoice
from lading.batch.outputs.registry import output_suffix
from lading.batch.publishing import Finished, publish, require_free, work_folder
from lading.batch.run import Batch, Summary, require_answers
from lading.batch.s3 import SCHEME, RemoteFiles
from lading.batch.staging import MOST_ROWS, CloudInput, kind_of
from lading.batch.work import ChunkRecord, WorkFolder
from lading.cli.aws.batches.executions import BatchExecution, BatchService
from lading.cli.aws.batches.placing import place_input
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

    def rows_of_a_part(self, batch: Batch) -> int:
        """Return how many rows a part of a batch may have."""
        most = MOST_ROWS.get(kind_of(batch.source), batch.chunk.rows)
        return rows_of_a_part(self.row_ms, self.timeout_s, most)

    def estimate(self, batch: Batch, rows: int) -> float:
        """Return the cost that is expected for so many rows of a batch, in dollars."""
        parts = -(-rows // self.rows_of_a_part(batch))
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
        most = function.rows_of_a_part(batch)
        found = place_input(batch, function.metadata, most, service.bucket, work)
        estimated = function.estimate(batch, found.rows)
        on_step(f"about {found.rows:,} rows, estimated at ${estimated:,.4f}")
        results = f"{SCHEME}{service.bucket}/batches/{found.id}"
        request = _request(batch, found.place, most, results, service.bucket)
        known = service.known(found.id)
        execution = known or service.start(found.id, request)
        work.begin({"input": batch.source, "batch": found.id})

        def answers(execution: BatchExecution) -> _Answers:
            service.follow(execution, _teller(execution, results, on_step))
            rows = found.rows if found.exact else service.items(execution)
            on_step("collecting the answers")
            there = _collect(work, suffix, function.metadata, files, results, found.place.prefix)
            return there._replace(lost=[*lost_rows(there.records, rows)])

        answered = answers(execution)
        if known is not None and answered.lost:  # parts that failed are tried again, and only they
            execution = service.start(found.id, request)
            answered = answers(execution)
        records = answered.records + _noted(work, answered.lost, len(answered.records))
        summary = Summary.of(
            batch,
            records,
            resumed=0,
            group=answered.group,
            workers=len(records),
            seconds=monotonic() - began,
        )
        spent = cost(function.price, answered.seconds, len(records))
        costs = (round(estimated, 6), round(spent, 6))
        told = CloudSummary(summary, _ENGINE, execution.id, results, *costs)
        for record in records:
            require_answers(batch, work, record)
        ordered = sorted(records, key=lambda record: record.first)
        finished = Finished(ordered, function.metadata.output_names(), told.to_json())
        publish(batch.output, work, finished, files)
        work.end()
    return told


def _request(
    batch: Batch, place: CloudInput, most: int, results: str, bucket: str
) -> dict[str, str | int]:
    """Return the input of an execution; see `stacks.batches.definition`."""
    return {
        "kind": place.kind,
        "input": place.bucket,
        "prefix": place.prefix,
        "most": min(most, MOST_ROWS.get(place.kind, 1)),
        "group": batch.group or 0,
        "results": results,
        "bucket": bucket,
        "manifest": f"{results.removeprefix(f's3://{bucket}/')}/manifest",
        "version": batch.version,
    }


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
    """The parts of a batch.

    Args:
        records: the parts.
        seconds: the time that they took together.
        group: the most rows in one run of the model.
        lost: the rows that no part has.
    """

    records: list[ChunkRecord]
    seconds: float
    group: int
    lost: Sequence[range] = ()


def _collect(
    work: WorkFolder,
    suffix: str,
    metadata: ModelMetadata,
    files: RemoteFiles,
    results: str,
    prefix: str,
) -> _Answers:
    """Keep the answers of each part; return what there is."""
    records: list[ChunkRecord] = []
    seconds, group, after = 0.0, 0, 0
    answered, failed = (files.names(f"{results}/{kind}") for kind in (RESULTS, FAILED))
    for number, name in enumerate(sorted(files.names(f"{results}/{RECORDS}"))):
        told = json.loads(files.read(f"{results}/{RECORDS}/{name}"))
        seconds, group = seconds + told["seconds"], max(group, told.get("group", 0))
        lines = [
            files.read(f"{results}/{kind}/{name}") if name in known else b""
            for kind, known in ((RESULTS, answered), (FAILED, failed))
        ]
        part = WrittenPart(number, lines[0], lines[1], after, prefix)
        record = collect(work, suffix, metadata, part)
        if record is not None:
            records.append(record)
            after = record.first + record.rows
    return _Answers(records, seconds, group)


def _noted(work: WorkFolder, lost: Sequence[range], first: int) -> list[ChunkRecord]:
    """Give rows that no part has an error; return them as parts, numbered from `first`."""
    return [note_lost(work, rows, first + place, _LOST) for place, rows in enumerate(lost)]
