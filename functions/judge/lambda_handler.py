"""The Lambda entry of the judge of one model's roll-outs.

Every minute a schedule invokes it. While traffic shifts it compares both versions, and ends the
roll-out as soon as the new version is worse. At the end of a roll-out it is asked for the last word
with the event `{"final": "<id>"}`: by CodeDeploy's hook after traffic, or by the check after the
update of an endpoint. `now_ms` in an event replaces the time.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lading.functions.contract.judging import JUDGE
from lading.functions.evidence.trial import Verdict
from lading.functions.judge.deployments import Deployments
from lading.functions.judge.endpoint_updates import EndpointUpdates
from lading.functions.judge.fleets import Fleets
from lading.functions.judge.judgement import (
    GRACE_MS,
    Judgement,
    Look,
    MetricNames,
    RecordSource,
    with_metrics,
)
from lading.functions.judge.records import OwnLog, Records
from lading.functions.judge.rollouts import Rollouts, Shift
from lading.functions.judge.settings import JudgeSettings

METRICS_GRACE_MS: Final = 90_000
"""How long SageMaker may take until the metrics of a minute are complete."""
_UNREADABLE: Final = (BotoCoreError, ClientError, ValueError, KeyError)


class _RolloutPlace(NamedTuple):
    """Where roll-outs are found, how their metrics are called, and where their counts are.

    Args:
        rollouts: where roll-outs are found.
        names: how their metrics are called.
        records: returns what a roll-out is counted from.
        grace_ms: how long that takes until a minute is complete.
    """

    rollouts: Rollouts
    names: MetricNames
    records: Callable[[Shift], RecordSource]
    grace_ms: int


def judge(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 Lambda's signature
    """Judge the roll-out that is under way, or give the last word on one."""
    settings = JudgeSettings.from_environment()
    place, final = _place(settings), event.get("final")
    now_ms = int(event.get("now_ms") or time.time() * 1000)
    try:
        shift = place.rollouts.shift(final) if final else place.rollouts.current()
    except _UNREADABLE as error:
        if not final:
            raise  # the schedule's next look may find it
        judgement = _broken(Shift(final, "", "", now_ms, ("", "")), error)
    else:
        if shift is None:
            return {"passes": True, "reason": "no new version gets traffic"}
        judgement = _look(settings, place, shift, now_ms, final=final is not None)
    fields: dict[str, Any] = {"final": final is not None}
    if judgement.verdict == Verdict.WORSE and not final:
        fields["stopped"] = _stopped(place.rollouts, judgement.shift.deployment)
    if final:
        fields["passes"] = settings.passes(judgement.verdict)
    line = judgement.line(settings.function, place.names, **fields)
    _write(with_metrics(line, place.names, now_ms))
    return line


def _place(settings: JudgeSettings) -> _RolloutPlace:
    if not settings.endpoint:
        return _RolloutPlace(
            Deployments(settings.application, settings.group),
            MetricNames(),
            lambda _: Records(settings.function, settings.judge),
            GRACE_MS,
        )
    log = OwnLog(settings.judge)
    return _RolloutPlace(
        EndpointUpdates(settings.endpoint, settings.function, log),
        MetricNames(JUDGE.update_worse, JUDGE.update_undecided),
        lambda shift: Fleets(settings.endpoint, settings.function, shift, log),
        METRICS_GRACE_MS,
    )


def _look(
    settings: JudgeSettings, place: _RolloutPlace, shift: Shift, now_ms: int, *, final: bool
) -> Judgement:
    """Return the judgement; that the judge is broken if its data cannot be read."""
    records = place.records(shift)
    try:
        look = Look(records, settings.rules, _write, place.grace_ms)
        return look.judge(shift, now_ms, final=final)
    except _UNREADABLE as error:
        return _broken(shift, error)


def _stopped(rollouts: Rollouts, deployment: str) -> str:
    """Stop a roll-out; return what became of it.

    If it cannot be stopped, the alarm on the judgement tells people, and the next look tries again.
    """
    try:
        return rollouts.stop(deployment)
    except _UNREADABLE as error:
        return f"{JUDGE.not_stopped}: {type(error).__name__}: {error}"


def _broken(shift: Shift, error: Exception) -> Judgement:
    return Judgement(shift, Verdict.BROKEN, reason=f"{type(error).__name__}: {error}")


def _write(line: Mapping[str, Any]) -> None:
    print(json.dumps(line, separators=(",", ":")))  # noqa: T201 standard output is the log
