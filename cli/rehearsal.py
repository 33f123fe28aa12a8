"""The rehearsal of an update in an emulated AWS: from one version to the next one, and back.

CodeDeploy is played by the emulator (`emulator/cloud/codedeploy.py`): in each step of the stage's
roll-out callers send golden requests, and each is answered by the version that the weights of the
alias draw. After a step the alarm on the new version's failures is looked at, and before the last
one the judge, if the stage has one. Both stop the deployment as they would in the cloud. Steps do
not last minutes here: they end when their requests are answered.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from lading.cli.update_locks import RehearsedUpdate
from lading.emulator.cloud.codedeploy import Client, CodeDeploy, EmulatedDeployment, Order
from lading.functions.contract.names import function_log
from lading.functions.evidence.log_lines import count
from lading.functions.evidence.trial import Verdict
from lading.stacks.stages.settings import ALIAS, Deployment

_MINUTES_LATER_MS: Final = 120_000
"""The judge looks at whole minutes; for it, the minute of the requests is over."""

_MOST_READS: Final = 40
_PAUSE_S: Final = 0.25
"""Requests are in the emulated log soon after they are answered."""


class Got(NamedTuple):
    """What a version of the function got: requests, and of these its own failures."""

    requests: int = 0
    errors: int = 0

    def since(self, before: "Got") -> "Got":
        """Return what it got after that."""
        return Got(self.requests - before.requests, self.errors - before.errors)


@dataclass(frozen=True, slots=True)
class ShiftCounts:
    """What each version of the function got, by its number."""

    versions: Mapping[str, Got]

    def of(self, version: str) -> Got:
        """Return what one version got."""
        return self.versions.get(version, Got())

    def requests(self) -> int:
        """Return the requests of all versions."""
        return sum(got.requests for got in self.versions.values())


@dataclass(frozen=True, slots=True)
class ShiftStep:
    """One step of a shift: the new version's share in percent, and what both versions answered."""

    percent: float
    old: Got
    new: Got

    def text(self, old: int, new: int) -> str:
        """Return the step as one line, with the numbers of the versions."""
        sides = ((old, self.old), (new, self.new))
        told = (
            f"version {it} got {counts.requests}, {counts.errors} failed" for it, counts in sides
        )
        return f"{self.percent:.0f} % of the traffic to version {new}: {'; '.join(told)}"

    def document(self) -> dict[str, Any]:
        """Return the step as a JSON object."""
        sides = (("old", self.old), ("new", self.new))
        told = {side: {"requests": it.requests, "errors": it.errors} for side, it in sides}
        return {"percent": self.percent, **told}


@dataclass(slots=True)
class ShiftReport:
    """How one shift went.

    Args:
        old: the version that traffic shifted from.
        new: the version that it shifted to.
        status: how CodeDeploy's deployment ended: Succeeded, Failed or Stopped.
        steps: what happened in each step.
        verdict: what the judge said; empty without a judge.
        alarm: why the alarm on failures stopped it; empty if it did not.
    """

    old: int
    new: int
    status: str = ""
    steps: list[ShiftStep] = field(default_factory=list)
    verdict: str = ""
    alarm: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the new version has all traffic."""
        return self.status == "Succeeded"

    def text(self) -> str:
        """Return how it ended, as one line."""
        judged = f"; the judge says: {self.verdict}" if self.verdict else ""
        reason = f"; {self.alarm}" if self.alarm else ""
        serving = self.new if self.succeeded else self.old
        return f"{self.status.lower()}{judged}{reason}; version {serving} has all traffic"

    def document(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        steps = [step.document() for step in self.steps]
        ends = {"status": self.status, "verdict": self.verdict, "alarm": self.alarm}
        return {"from": self.old, "to": self.new, **ends, "steps": steps}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Shifts the traffic of a model between versions of its function.

    Args:
        client: returns clients of the emulated account.
        codedeploy: its CodeDeploy.
        deployment: the stage.
        model: name of the model.
        send: sends one request.
        requests: how many are sent in each step.
        tell: shows a line.
    """

    client: Client
    codedeploy: CodeDeploy
    deployment: Deployment
    model: str
    send: Callable[[], object]
    requests: int
    tell: Callable[[str], None]

    def served(self) -> str:
        """Return the version of the function that has all traffic."""
        return str(self._alias()["FunctionVersion"])

    def shift(self, old: int, new: int, before: str) -> ShiftReport:
        """Give the alias back to a version of the function, and shift it to the deployed one.

        Args:
            old: the version of the model that traffic shifts from.
            new: the version of the model that is deployed.
            before: the version of the function that had all traffic before.
        """
        names, settings = self.deployment.names, self.deployment.settings
        hook = names.hook(self.model, "clean") if settings.judge else ""
        order = Order(self._function, ALIAS, before, self.served(), settings.rollout, hook)
        start_ms = int(time.time() * 1000)
        counts = self._read(start_ms)
        report, shift = ShiftReport(old, new), self.codedeploy.begin(order)
        while shift.status == "InProgress":
            step, counts = self._step(order, start_ms, counts)
            report.steps.append(step)
            self.tell(step.text(old, new))
            self._look(shift, step, report)
            self.codedeploy.advance(shift)
        report.status = shift.status
        if settings.judge:
            report.verdict = self._ask_judge({"final": shift.id})
        return report

    @property
    def _function(self) -> str:
        return self.deployment.names.function(self.model)

    def _alias(self) -> Any:
        return self.client("lambda").get_alias(FunctionName=self._function, Name=ALIAS)

    def _step(
        self, order: Order, start_ms: int, before: ShiftCounts
    ) -> tuple[ShiftStep, ShiftCounts]:
        """Send the requests of a step; return what each version got, and all since the start."""
        weights = self._alias().get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        percent = 100 * weights.get(order.new, 1.0)
        for _ in range(self.requests):
            self.send()
        now = self._counted(start_ms, before)
        old, new = (now.of(version).since(before.of(version)) for version in (order.old, order.new))
        return ShiftStep(percent, old, new), now

    def _counted(self, start_ms: int, before: ShiftCounts) -> ShiftCounts:
        """Return the counts since the start, once the requests of this step are in the log."""
        found = before
        for _ in range(_MOST_READS):
            found = self._read(start_ms)
            if found.requests() >= before.requests() + self.requests:
                break
            time.sleep(_PAUSE_S)
        return found

    def _read(self, start_ms: int) -> ShiftCounts:
        pages = self.client("logs").get_paginator("filter_log_events")
        group = function_log(self._function)
        events = (
            event
            for page in pages.paginate(logGroupName=group, startTime=start_ms)
            for event in page["events"]
        )
        requests, errors = Counter[str](), Counter[str]()
        for versions in count(events).values():
            for version, counts in versions.items():
                requests[version] += counts.requests
                errors[version] += counts.errors
        return ShiftCounts({it: Got(requests[it], errors[it]) for it in requests})

    def _look(self, shift: EmulatedDeployment, step: ShiftStep, report: ShiftReport) -> None:
        """Let the alarm and the judge stop the shift."""
        limit = self.deployment.settings.alarms.error_rate
        rate = step.new.errors / max(1, step.new.requests)
        if rate > limit:
            report.alarm = f"the alarm on failures is on ({rate:.1%}, more than {limit:.1%})"
            request = {"deploymentId": shift.id, "autoRollbackEnabled": True}
            self.codedeploy.stop_by_request(request)
        elif self.deployment.settings.judge and len(shift.steps) == 1:
            self._ask_judge({"now_ms": int(time.time() * 1000) + _MINUTES_LATER_MS})

    def _ask_judge(self, event: Mapping[str, Any]) -> str:
        """Return the judge's word; it stops the deployment itself if the new version is worse."""
        judge = self.deployment.names.hook(self.model, "judge")
        answer = self.client("lambda").invoke(
            FunctionName=judge, Payload=json.dumps(event).encode()
        )
        return str(json.loads(answer["Payload"].read()).get("verdict", Verdict.BROKEN))


def rehearse(
    rehearsal: Rehearsal,
    update: RehearsedUpdate,
    deploy: Callable[[Path], object],
    check: Callable[[Path], object],
) -> list[ShiftReport]:
    """Update the model and go back; return how each shift went.

    Args:
        rehearsal: shifts the traffic.
        update: the versions, and a lock for each.
        deploy: deploys the versions of a lock.
        check: compares the answers that callers get with those of the lock's stable version.
    """
    reports: list[ShiftReport] = []
    ways = ((update.old, update.new, update.after), (update.new, update.old, update.before))
    for old, new, lock in ways:
        before = rehearsal.served()
        rehearsal.tell(f"deploy version {new}")
        deploy(lock)
        if reports and not reports[0].succeeded:
            rehearsal.tell(f"version {new} is deployed again, as when a deployment fails")
            break
        reports.append(rehearsal.shift(old, new, before))
        rehearsal.tell(f"from version {old} to {new}: {reports[-1].text()}")
        if reports[-1].succeeded:
            check(lock)
    return reports
