"""The state machines of batches in an account: started, followed, listed, stopped."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lading.cli.aws.batches.pauses import growing_pauses
from lading.cli.aws.stack_machine import StackMachine
from lading.cli.errors import BatchFailed, VersionElsewhere
from lading.functions.contract.errors import brief
from lading.stacks.stages.batch import BUCKET_OUTPUT, MACHINE_OUTPUT, VERSIONS_OUTPUT

_SHOWN, _PAGE = 20, 1000
_GOOD = frozenset({"RUNNING", "SUCCEEDED"})


@dataclass(frozen=True, slots=True)
class BatchExecution:
    """One batch in the cloud.

    Args:
        id: its name, for `lading batch stop`.
        status: that of Step Functions.
        started: when it started.
        ended: when it ended; None while it runs.
        arn: its ARN.
    """

    id: str
    status: str
    started: datetime
    ended: datetime | None
    arn: str


class BatchService:
    """The batches of one model in an account.

    Args:
        stack: name of the model's stack.
        model: the model.
        region: the region; None: the AWS profile's.
    """

    def __init__(self, stack: str, model: str, region: str | None) -> None:
        self._model = model
        self._machine = StackMachine.of_batches(stack, model, region)

    @property
    def bucket(self) -> str:
        """The bucket of inputs and results."""
        return self._machine.output(BUCKET_OUTPUT)

    def require_version(self, version: int) -> None:
        """Check that a version is deployed.

        Raises:
            VersionElsewhere: it is not.
        """
        deployed: list[int] = json.loads(self._machine.output(VERSIONS_OUTPUT))
        if version not in deployed:
            raise VersionElsewhere(self._model, version, deployed)

    def known(self, id_: str) -> BatchExecution | None:
        """Return the last execution of a batch that runs or has succeeded; None if none has."""
        for each in self._executions():
            if _batch_of(each.id) == id_ and each.status in _GOOD:
                return each
        return None

    def start(self, id_: str, request: Mapping[str, str | int]) -> BatchExecution:
        """Start an execution of a batch; parts that are answered are not answered again.

        Args:
            id_: the id; the execution has its number after it.
            request: the input of the execution.

        Raises:
            BatchFailed: another batch runs; both would leave less to live callers.
        """
        executions = self._executions()
        running = [each.id for each in executions if each.status == "RUNNING"]
        if running:
            reason = f"not started, since batch '{running[0]}' runs: one at a time is answered"
            raise BatchFailed(self._model, id_, reason)
        # AWS forgets the oldest.
        taken = (_number(each) for each in executions if _batch_of(each.id) == id_)
        name = f"{id_}-{max(taken, default=0) + 1}"
        with self._machine.errors():
            started = self._states.start_execution(
                stateMachineArn=self._arn, name=name, input=json.dumps(request)
            )
            return self._read(started["executionArn"])

    def follow(self, execution: BatchExecution, on_poll: Callable[[], object]) -> BatchExecution:
        """Wait until an execution has ended.

        Raises:
            BatchFailed: it did not succeed.
        """
        for pause in growing_pauses():
            if execution.status != "RUNNING":
                break
            on_poll()
            time.sleep(pause)
            with self._machine.errors():
                execution = self._read(execution.arn)
        if execution.status != "SUCCEEDED":
            raise BatchFailed(self._model, execution.id, self._end(execution))
        return execution

    def latest(self) -> list[BatchExecution]:
        """Return the last batches, the newest first."""
        with self._machine.errors():
            found = self._states.list_executions(stateMachineArn=self._arn, maxResults=_SHOWN)
            return [_execution(each) for each in found["executions"]]

    def items(self, execution: BatchExecution) -> int:
        """Return how many items the Map of an execution has read."""
        with self._machine.errors():
            runs = self._states.list_map_runs(executionArn=execution.arn)["mapRuns"]
            found = [self._states.describe_map_run(mapRunArn=it["mapRunArn"]) for it in runs]
            return sum(int(each["itemCounts"]["total"]) for each in found)

    def stop(self, id_: str) -> BatchExecution:
        """Stop a batch that runs; what is answered stays.

        Raises:
            BatchFailed: none with this id runs.
        """
        for each in self._executions():
            if each.id == id_ and each.status == "RUNNING":
                with self._machine.errors():
                    self._states.stop_execution(executionArn=each.arn, cause="lading batch stop")
                    return self._read(each.arn)
        raise BatchFailed(self._model, id_, "does not run")

    def _executions(self) -> list[BatchExecution]:
        """Return all executions, the newest first."""
        with self._machine.errors():
            pages = self._states.get_paginator("list_executions").paginate(
                stateMachineArn=self._arn, maxResults=_PAGE
            )
            return [_execution(each) for page in pages for each in page["executions"]]

    def _end(self, execution: BatchExecution) -> str:
        """Return how an execution ended, and why, as far as Step Functions says so."""
        with self._machine.errors():
            found = self._states.describe_execution(executionArn=execution.arn)
        reason = ": ".join(filter(None, (found.get("error"), found.get("cause"))))
        return f"{execution.status} ({brief(reason)})" if reason else execution.status

    def _read(self, arn: str) -> BatchExecution:
        return _execution(self._states.describe_execution(executionArn=arn))

    @property
    def _states(self) -> Any:
        return self._machine.states

    @property
    def _arn(self) -> str:
        return self._machine.outputs[MACHINE_OUTPUT]


def _batch_of(name: str) -> str:
    """Return the id of the batch of an execution."""
    return name.rpartition("-")[0]


def _number(execution: BatchExecution) -> int:
    number = execution.id.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _execution(found: Mapping[str, Any]) -> BatchExecution:
    return BatchExecution(
        id=found["name"],
        status=found["status"],
        started=found["startDate"],
        ended=found.get("stopDate"),
        arn=found["executionArn"],
    )
