"""The Lambda entry of the judge of one function's roll-outs.

Every minute a schedule invokes it. While CodeDeploy shifts traffic it compares both versions, and
stops the deployment as soon as the new version is worse. The hook after traffic asks it for the
last word with the event `{"final": "<deployment id>"}`. `now_ms` in an event replaces the time.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lading.functions.evidence.trial import Verdict
from lading.functions.judge.deployments import Deployments, Shift
from lading.functions.judge.judgement import Judgement, Look, with_metrics
from lading.functions.judge.records import Records
from lading.functions.judge.settings import JudgeSettings


def judge(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 Lambda's signature
    """Judge the deployment that is under way, or give the last word on one."""
    settings = JudgeSettings.from_environment()
    deployments = Deployments(settings.application, settings.group)
    final = event.get("final")
    shift = deployments.shift(final) if final else deployments.current()
    if shift is None:
        return {"passes": True, "reason": "no new version gets traffic"}
    now_ms = int(event.get("now_ms") or time.time() * 1000)
    judgement = _look(settings, shift, now_ms, final=final is not None)
    fields: dict[str, Any] = {"final": final is not None}
    if judgement.verdict == Verdict.WORSE and not final:
        fields["stopped"] = deployments.stop(shift.deployment)
    if final:
        fields["passes"] = settings.passes(judgement.verdict)
    line = judgement.line(settings.function, **fields)
    _write(with_metrics(line, now_ms))
    return line


def _look(settings: JudgeSettings, shift: Shift, now_ms: int, *, final: bool) -> Judgement:
    """Return the judgement; that the judge is broken if the logs cannot be read."""
    records = Records(settings.function, settings.judge)
    try:
        return Look(records, settings.rules, _write).judge(shift, now_ms, final=final)
    except (BotoCoreError, ClientError, ValueError, KeyError) as error:
        return Judgement(shift, Verdict.BROKEN, reason=f"{type(error).__name__}: {error}")


def _write(line: Mapping[str, Any]) -> None:
    print(json.dumps(line, separators=(",", ":")))  # noqa: T201 standard output is the log
