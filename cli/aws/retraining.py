"""The state machines of retraining in an account: started, followed, listed."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lading.api.progress import OnStep
from lading.cli.aws.stack_machine import StackMachine
from lading.cli.errors import RetrainingFailed, RetrainingRuns
from lading.stacks.stages.settings import OUTPUTS

_POLL_SECONDS = 2.0
_NAMED = "stateEnteredEventDetails"
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Execution:
    """One retraining: what it came to, and why."""

    name: str
    status: str
    started: datetime
    ended: datetime | None
    error: str
    reason: str
    output: Mapping[str, Any] | None

    @property
    def outcome(self) -> str:
        """What it came to, as one line."""
        if self.error:
            return f"{self.error}: {self.reason}"
        if self.output is None:
            return ""
        if "unchanged" in self.output:
            return f"version {self.output['unchanged']} is of the same code, data and parameters"
        label = self.output.get("label")
        return f"version {self.output['version']}, proposed label {label or 'none'}"


class RetrainingMachine:
    """The retraining of one model in an account.

    Args:
        stack: name of its stack.
        model: the model.
        region: the region; None: the AWS profile's.
    """

    def __init__(self, stack: str, model: str, region: str | None) -> None:
        self.stack, self.model = stack, model
        advice = "deploy it with train.schedule or train.on in models.yaml"
        self._machine = StackMachine(stack, region, work="retraining", model=model, advice=advice)

    def start(self) -> str:
        """Start it; return the ARN of the execution.

        Raises:
            RetrainingRuns: it runs already.
            AwsRefused: it is not deployed, or AWS refused it.
        """
        with self._machine.errors():
            running = self._states.list_executions(
                stateMachineArn=self._arn, statusFilter="RUNNING", maxResults=1
            )["executions"]
            if running:
                raise RetrainingRuns(self.model, running[0]["startDate"])
            started = self._states.start_execution(
                stateMachineArn=self._arn, input=json.dumps({"cause": "lading retrain"})
            )
        return str(started["executionArn"])

    def follow(self, execution: str, on_step: OnStep) -> Execution:
        """Wait until an execution has ended, and name each of its states.

        Raises:
            RetrainingFailed: it has failed.
            AwsRefused: AWS refused a request.
        """
        seen = 0
        while True:
            with self._machine.errors():
                found = self._read(execution)
                entered = self._entered(execution)
            for state in entered[seen:]:
                on_step(state)
            seen = len(entered)
            if found.status != "RUNNING":
                break
            time.sleep(_POLL_SECONDS)
        if found.status != "SUCCEEDED":
            raise RetrainingFailed(self.model, found.error or found.status, found.reason)
        return found

    def latest(self, most: int) -> list[Execution]:
        """Return the last executions, the newest first.

        Raises:
            AwsRefused: AWS refused a request.
        """
        with self._machine.errors():
            listed = self._states.list_executions(stateMachineArn=self._arn, maxResults=most)
            return [self._read(each["executionArn"]) for each in listed["executions"]]

    def _read(self, execution: str) -> Execution:
        found = self._states.describe_execution(executionArn=execution)
        succeeded = found["status"] == "SUCCEEDED"
        return Execution(
            name=found["name"],
            status=found["status"],
            started=found["startDate"],
            ended=found.get("stopDate"),
            error=found.get("error", ""),
            reason=_reason(found.get("cause", "")),
            output=json.loads(found["output"]) if succeeded else None,
        )

    def _entered(self, execution: str) -> list[str]:
        pages = self._states.get_paginator("get_execution_history").paginate(
            executionArn=execution, includeExecutionData=False
        )
        return [
            event[_NAMED]["name"] for page in pages for event in page["events"] if _NAMED in event
        ]

    @property
    def _states(self) -> Any:
        return self._machine.states

    @property
    def _arn(self) -> str:
        return self._machine.outputs[OUTPUTS.retraining_arn]


def _reason(cause: str) -> str:
    """Return why a job or a build failed, from its description if the cause is one."""
    try:
        document = json.loads(cause)
    except ValueError:
        return cause[:_LONGEST]
    if not isinstance(document, dict):
        return cause[:_LONGEST]
    log = document.get("Logs", {}).get("DeepLink")
    told = document.get("FailureReason") or (log and f"the build failed; its log is {log}")
    return str(told or cause)[:_LONGEST]
