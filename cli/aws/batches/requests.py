"""The requests of a batch in S3, the jobs that answer them, and the answers.

Requests are named by their content, and so are the answers: whatever is interrupted, only what has
no answer is asked again. One job asks the requests of several rows; where it leaves some without an
answer, a second one asks their rows one by one, so that a bad row harms no other.

    batches/<id>/requests/<name>         a request
    batches/<id>/answers/<name>.out      its answer; `.err`: why there is none
    batches/<id>/jobs/<job>.manifest     the requests of a job
    batches/<id>/refused.json            requests that had no answer after a job, and why
    batches/<id>/errors.jsonl            rows without an answer, at the end
    batches/<id>/manifest.json           what was done; it is written last
"""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from lading.api.progress import OnStep
from lading.batch.cost import job_cost
from lading.batch.engine_requests import (
    AnsweredPredictor,
    AskingPredictor,
    EngineForm,
    NamedRequest,
)
from lading.batch.job_requests import SCRIPT, JobPlan
from lading.batch.run import Summary
from lading.batch.s3 import SCHEME, RemoteFiles
from lading.batch.sources.source import RowSource
from lading.batch.work import ChunkRecord, WorkFolder
from lading.batch.worker import keep_answers
from lading.cli.aws.batches.engine import EngineBatch
from lading.cli.aws.batches.function_run import CloudSummary
from lading.cli.aws.batches.jobs import LOGS, Kind
from lading.cli.errors import BatchFailed
from lading.functions.contract.errors import brief
from lading.functions.inference.batches.answering import answer, group_size
from lading.functions.inference.models.predictor import Predictor
from lading.functions.processing_job import answer as program

_MOST_ALONE = 4096
"""Requests that are asked again row by row though the job answered none at all."""
_BLAMED = ("ClientError", "AlgorithmError")
"""How the reason of a transform job begins whose container refused something."""
_TITLES: Mapping[str, Kind] = {"transform": "Transform", "processing": "Processing"}


class AskedBatch:
    """The requests of one batch, and their answers.

    Args:
        work: the batch.
        form: the form of requests.
        source: its rows.
        id_: its id.
        files: the way to S3.
        on_step: called with the name of each step.
    """

    def __init__(
        self,
        work: EngineBatch,
        form: EngineForm,
        source: RowSource,
        id_: str,
        files: RemoteFiles,
        on_step: OnStep,
    ) -> None:
        self.id = id_
        self._work, self._form, self._source = work, form, source
        self._files, self._on_step = files, on_step
        self._base = f"{SCHEME}{work.jobs.bucket}/batches/{id_}"
        self._kind = _TITLES[work.choice.name]
        self._estimated: float | None = None

    def ask(self, *, alone: bool) -> None:
        """Have every request answered that has no answer, by a job; wait for its end.

        Args:
            alone: whether rows of requests that were refused are asked one by one.

        Raises:
            BatchFailed: the job did not succeed.
        """
        jobs, kind = self._work.jobs, self._kind
        if (running := jobs.running(kind, self.id)) is not None:
            self._follow(running)
        asked, rows = self._upload(alone=alone)
        if not alone:
            self._estimated = self._work.estimate(rows)
            cost = "unknown: prices.yaml lacks " + jobs.engine.instance
            told = cost if self._estimated is None else f"${self._estimated:,.4f}"
            self._on_step(f"{rows:,} rows, {len(asked):,} requests; estimated cost {told}")
        if not asked:
            return
        name = jobs.next_name(kind, self.id)
        manifest = f"{self._base}/jobs/{name}.manifest"
        listed = [{"prefix": f"{self._base}/requests/"}, *asked]
        self._files.write(manifest, json.dumps(listed).encode())
        script = f"{self._base}/code/"
        if kind == "Processing":
            self._files.write(f"{script}{SCRIPT}", Path(program.__file__).read_bytes())
        plan = JobPlan(
            name=name,
            engine=jobs.engine,
            manifest=manifest,
            content_type=self._form.content_type,
            largest=max(asked.values()),
            answers=f"{self._base}/answers/",
            script=script,
        )
        jobs.start(kind, plan)
        self._on_step(f"{self._work.choice.title}, job {name}, is started")
        self._follow(name)
        self._note_refused(asked, name)

    def collect(self, folder: WorkFolder, suffix: str) -> list[ChunkRecord]:
        """Keep the answers of every chunk; return the chunks, in order."""
        records = folder.finished()
        predictor = AnsweredPredictor(
            self._form, self._answered(), self._refused(), self._files.read
        )
        for chunk in self._source.chunks(self._work.batch.chunk):
            if chunk.number not in records:
                answers = answer(predictor, chunk.rows, self._group(predictor))
                records[chunk.number] = keep_answers(folder, suffix, chunk, answers)
        return [records[number] for number in sorted(records)]

    def summary(self, records: list[ChunkRecord], seconds: float) -> CloudSummary:
        """Return what was done."""
        work, price = self._work, self._work.price
        summary = Summary.of(
            work.batch,
            records,
            resumed=0,
            group=self._group(AnsweredPredictor(self._form, {}, {}, self._files.read)),
            workers=work.jobs.engine.count,
            seconds=seconds,
        )
        spent = None
        if price is not None:
            spent = round(job_cost(price, work.jobs.seconds(self._kind, self.id)), 6)
        estimated = None if self._estimated is None else round(self._estimated, 6)
        return CloudSummary(summary, work.choice.title, self.id, self._base, estimated, spent)

    def keep(self, folder: WorkFolder, records: list[ChunkRecord], told: CloudSummary) -> None:
        """Write the errors and the manifest beside the answers in S3, the manifest last."""
        errors = [folder.errors(record.number) for record in records if record.failed]
        self._files.write(f"{self._base}/errors.jsonl", b"".join(it.read_bytes() for it in errors))
        document = json.dumps(told.to_json(), indent=2).encode()
        self._files.write(f"{self._base}/manifest.json", document)

    def _group(self, predictor: Predictor) -> int:
        return group_size(predictor, self._work.batch.group)

    def _upload(self, *, alone: bool) -> tuple[dict[str, int], int]:
        """Upload requests without an answer; return their sizes by name, and how many rows."""
        there = self._files.names(f"{self._base}/requests/")
        asked: dict[str, int] = {}

        def ask(sent: NamedRequest) -> None:
            asked[sent.name] = len(sent.content)
            if sent.name not in there:
                there[sent.name] = len(sent.content)
                self._files.write(f"{self._base}/requests/{sent.name}", sent.content)

        predictor = AskingPredictor(self._form, self._answered(), self._refused(), ask, alone=alone)
        rows = 0
        for chunk in self._source.chunks(self._work.batch.chunk):
            answer(predictor, chunk.rows, self._group(predictor))
            rows += len(chunk.rows)
        return asked, rows

    def _follow(self, name: str) -> None:
        """Wait for the end of a job.

        Raises:
            BatchFailed: it was stopped, or failed by something else than a request.
        """
        last = -1

        def tell() -> None:
            nonlocal last
            if (count := len(self._answered())) > last:
                self._on_step(f"job {name} runs: {count:,} requests are answered")
            last = count

        ended = self._work.jobs.follow(self._kind, name, tell)
        blamed = self._kind == "Transform" and ended.reason.startswith(_BLAMED)
        if ended.status != "Completed" and not (ended.status == "Failed" and blamed):
            raise self._failed(name, f"{ended.status.lower()} {ended.reason}".strip())

    def _note_refused(self, asked: Mapping[str, int], name: str) -> None:
        """Write down which requests have no answer, and why, after the end of a job.

        Raises:
            BatchFailed: no request has one.
        """
        answered, refused = self._answered(), self._refused()
        missing = [each for each in asked if each not in answered]
        if missing and not answered and (len(missing) > _MOST_ALONE or refused):
            raise self._failed(name, f"no request was answered; see {LOGS[self._kind]}")
        told = self._files.names(f"{self._base}/answers/")
        for each in missing:
            refused[each] = f"the engine refused it; see {LOGS[self._kind]}, job {name}"
            if f"{each}.err" in told:
                reason = self._files.read(f"{self._base}/answers/{each}.err")
                refused[each] = f"its engine: {brief(reason.decode(errors='replace'))}"
        self._files.write(f"{self._base}/refused.json", json.dumps(refused).encode())

    def _answered(self) -> dict[str, str]:
        """Return the addresses of the answers, by the names of their requests."""
        found = self._files.names(f"{self._base}/answers/")
        return {
            PurePosixPath(name).stem: f"{self._base}/answers/{name}"
            for name in found
            if name.endswith(".out")
        }

    def _refused(self) -> dict[str, str]:
        address = f"{self._base}/refused.json"
        if not self._files.exists(address):
            return {}
        refused: dict[str, str] = json.loads(self._files.read(address))
        return refused

    def _failed(self, name: str, reason: str) -> BatchFailed:
        return BatchFailed(self._work.batch.model, name, reason)
