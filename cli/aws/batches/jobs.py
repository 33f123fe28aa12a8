"""The batches of a model at an endpoint: jobs of SageMaker, started, followed, listed, stopped."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, Literal

from lading.batch.job_requests import DeployedEngine, JobPlan, processing_request, transform_request
from lading.cli.aws.batches.executions import BatchExecution
from lading.cli.aws.batches.pauses import growing_pauses
from lading.cli.aws.stack_machine import StackMachine
from lading.cli.errors import BatchFailed
from lading.stacks.stages.batch import BUCKET_OUTPUT, ENGINE_OUTPUT

Kind = Literal["Transform", "Processing"]
LOGS: Final = {
    "Transform": "/aws/sagemaker/TransformJobs",
    "Processing": "/aws/sagemaker/ProcessingJobs",
}

_SHOWN, _PAGE = 20, 100
_READABLE, _FINGERPRINT = 24, 8
_RUNS = frozenset({"InProgress", "Stopping"})


@dataclass(frozen=True, slots=True)
class JobEnd:
    """A job that has ended.

    Args:
        name: its name.
        status: its status at SageMaker.
        reason: why it failed; empty if it did not.
    """

    name: str
    status: str
    reason: str


class EngineJobs:
    """The jobs of one model's batches in an account.

    Args:
        stack: name of the model's stack.
        model: the model.
        region: the region; None: the AWS profile's.
    """

    def __init__(self, stack: str, model: str, region: str | None) -> None:
        self._model, self._stack = model, stack
        self._machine = StackMachine.of_batches(stack, model, region)

    @property
    def bucket(self) -> str:
        """The bucket of requests and results."""
        return self._machine.output(BUCKET_OUTPUT)

    @cached_property
    def engine(self) -> DeployedEngine:
        """What the stack says of its engine."""
        return DeployedEngine(**json.loads(self._machine.output(ENGINE_OUTPUT)))

    @property
    def prefix(self) -> str:
        """The start of the names of all its jobs."""
        fingerprint = sha256(self._stack.encode()).hexdigest()[:_FINGERPRINT]
        return f"{self._stack[:_READABLE].strip('-')}-{fingerprint}-"

    def running(self, kind: Kind, id_: str) -> str | None:
        """Return the name of the job of a batch that runs; None if none does."""
        found = (each for each in self._jobs(kind, id_) if each.status in _RUNS)
        return next((each.id for each in found), None)

    def next_name(self, kind: Kind, id_: str) -> str:
        """Return the name of a batch's next job."""
        return f"{self.prefix}{id_}-{len([*self._jobs(kind, id_)]) + 1}"

    def start(self, kind: Kind, plan: JobPlan) -> None:
        """Start a job."""
        make = transform_request if kind == "Transform" else processing_request
        with self._machine.errors():
            getattr(self._client, f"create_{kind.lower()}_job")(**make(plan))

    def follow(self, kind: Kind, name: str, on_poll: Callable[[], object]) -> JobEnd:
        """Wait until a job has ended."""
        found = self._described(kind, name)
        for pause in growing_pauses():
            if found[f"{kind}JobStatus"] not in _RUNS:
                break
            on_poll()
            time.sleep(pause)
            found = self._described(kind, name)
        reason = str(found.get("FailureReason") or found.get("ExitMessage") or "")
        return JobEnd(name, found[f"{kind}JobStatus"], reason)

    def seconds(self, kind: Kind, id_: str) -> float:
        """Return the time for which the instances of all jobs of a batch ran."""
        found = (self._described(kind, each.id) for each in self._jobs(kind, id_))
        times = ((it.get(f"{kind}StartTime"), it.get(f"{kind}EndTime")) for it in found)
        return float(sum((end - start).total_seconds() for start, end in times if start and end))

    def latest(self) -> list[BatchExecution]:
        """Return the last jobs, the newest first."""
        found = [*self._jobs("Transform"), *self._jobs("Processing")]
        return sorted(found, key=lambda job: job.started, reverse=True)[:_SHOWN]

    def stop(self, id_: str) -> BatchExecution:
        """Stop a job that runs; what is answered stays.

        Raises:
            BatchFailed: none with this id runs.
        """
        kinds: tuple[Kind, ...] = ("Transform", "Processing")
        for kind in kinds:
            for each in self._jobs(kind, id_):
                if each.id == id_ and each.status == "InProgress":
                    with self._machine.errors():
                        stop = getattr(self._client, f"stop_{kind.lower()}_job")
                        stop(**{f"{kind}JobName": id_})
                    return next(job for job in self._jobs(kind, id_) if job.id == id_)
        raise BatchFailed(self._model, id_, "does not run")

    def _described(self, kind: Kind, name: str) -> dict[str, Any]:
        with self._machine.errors():
            describe = getattr(self._client, f"describe_{kind.lower()}_job")
            found: dict[str, Any] = describe(**{f"{kind}JobName": name})
            return found

    def _jobs(self, kind: Kind, id_: str = "") -> Iterator[BatchExecution]:
        """Yield the jobs of this model, or of one batch or job, the newest first."""
        text = id_ if id_.startswith(self.prefix) else f"{self.prefix}{id_}"
        with self._machine.errors():
            pages = self._client.get_paginator(f"list_{kind.lower()}_jobs").paginate(
                NameContains=text, SortBy="CreationTime", SortOrder="Descending", MaxResults=_PAGE
            )
            for page in pages:
                for each in page[f"{kind}JobSummaries"]:
                    yield _execution(kind, each)

    @property
    def _client(self) -> Any:
        return self._machine.jobs


def _execution(kind: Kind, found: dict[str, Any]) -> BatchExecution:
    started: datetime = found["CreationTime"]
    return BatchExecution(
        id=found[f"{kind}JobName"],
        status=found[f"{kind}JobStatus"],
        started=started,
        ended=found.get(f"{kind}EndTime"),
        arn=found[f"{kind}JobArn"],
    )
