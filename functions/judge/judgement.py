"""One look of the judge at a shift of traffic, and what it writes about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import METRICS
from lading.functions.contract.steps import quantile, value_of
from lading.functions.evidence.counts import NOTHING, VersionCounts, total
from lading.functions.evidence.log_lines import MINUTE_MS, Counted
from lading.functions.evidence.trial import Finding, Rules, Trial, Verdict
from lading.functions.judge.records import JudgedMinute
from lading.functions.judge.rollouts import Shift

BEFORE_MINUTES: Final = 10
"""Minutes of the old version alone from which the first limits of latency and scores are taken."""
LONGEST_MINUTES: Final = 24 * 60
"""Only this many minutes of a shift are judged; none of CodeDeploy's takes two hours."""
GRACE_MS: Final = 15_000
"""How long a minute must be over, so that its lines have arrived."""

Write = Callable[[Mapping[str, Any]], None]
"""Writes one line to the judge's log."""


class MetricNames(NamedTuple):
    """Names of the metrics of one kind of roll-out.

    Args:
        worse: 1 where the new version is worse.
        undecided: 1 where nothing is proved.
    """

    worse: str = JUDGE.worse
    undecided: str = JUDGE.undecided


class RecordSource(Protocol):
    """What the judge counts from; see `records.Records` and `fleets.Fleets`."""

    def requests(self, start_minute: int, end_minute: int) -> Counted:
        """Return the counts of each minute and version."""

    def kept(self, deployment: str, start_ms: int) -> Mapping[int, JudgedMinute]:
        """Return the minutes of a deployment that were counted before."""


class Judgement(NamedTuple):
    """What the judge says of a shift.

    Args:
        shift: what is judged.
        verdict: the word for it.
        findings: the evidence of each measure.
        old: counts of the old version during the shift.
        new: counts of the new version.
        reason: why the judge is broken; empty if it is not.
    """

    shift: Shift
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    old: VersionCounts = NOTHING
    new: VersionCounts = NOTHING
    reason: str = ""

    def line(self, function: str, names: MetricNames, **fields: Any) -> dict[str, Any]:
        """Return the line of the judge's log, which has the metrics of the function too."""
        old, new = self.shift.names
        metrics = {
            names.worse: int(self.verdict == Verdict.WORSE),
            names.undecided: int(self.verdict in {Verdict.TOO_LITTLE_TRAFFIC, Verdict.BROKEN}),
            JUDGE.evidence: max((it.evidence / it.limit for it in self.findings), default=0.0),
        }
        return {
            "message": JUDGE.judgement,
            "deployment": self.shift.deployment,
            "started_ms": self.shift.started_ms,
            "old": {"version": old, **shown(self.old)},
            "new": {"version": new, **shown(self.new)},
            "verdict": str(self.verdict),
            "findings": [finding._asdict() for finding in self.findings],
            "reason": self.reason,
            **fields,
            **metrics,
            "function_name": function,
        }


def shown(counts: VersionCounts) -> dict[str, Any]:
    """Return the figures of a version that people look at; latencies are in milliseconds."""
    steps = {name: quantile(counts.latency, share) for name, share in _QUANTILES.items()}
    return {
        "requests": counts.requests,
        "errors": counts.errors,
        **{name: None if it is None else round(value_of(it), 2) for name, it in steps.items()},
    }


_QUANTILES: Final = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99}


def with_metrics(line: Mapping[str, Any], names: MetricNames, now_ms: int) -> dict[str, Any]:
    """Return a judgement's line in CloudWatch's embedded metric format."""
    directive = {
        "Namespace": METRICS.namespace,
        "Dimensions": [["function_name"]],
        "Metrics": [{"Name": name} for name in (*names, JUDGE.evidence)],
    }
    return {**line, "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]}}


@dataclass(frozen=True, slots=True)
class Look:
    """Looks at a shift.

    Args:
        records: the logs.
        rules: what is tolerated.
        write: writes the counts of each minute, so that the next look need not count them again.
        grace_ms: how long a minute must be over, so that everything of it has arrived.
    """

    records: RecordSource
    rules: Rules
    write: Write
    grace_ms: int = GRACE_MS

    def judge(self, shift: Shift, now_ms: int, *, final: bool = False) -> Judgement:
        """Return what all minutes since the start of the shift say.

        Args:
            shift: what is judged.
            now_ms: the time, in milliseconds since 1970.
            final: whether the shift has ended; then the minute that is not over counts too.

        Raises:
            ClientError, ValueError: a log cannot be read.
        """
        kept = dict(self.records.kept(shift.deployment, shift.started_ms))
        now = (now_ms - self.grace_ms) // MINUTE_MS
        first = max(shift.started_ms // MINUTE_MS, now - LONGEST_MINUTES)
        end = now_ms // MINUTE_MS + 1 if final else max(now, first)
        before = kept.get(JUDGE.before) or self._before(shift, first)
        trial = Trial(self.rules, before.old)
        missing = [minute for minute in range(first, end) if minute not in kept]
        if missing:
            kept |= self._count(shift, missing[0], end, over=now)
        for minute in range(first, end):
            trial.add(*kept[minute])
        found = trial.findings(), trial.old, trial.new
        return Judgement(shift, trial.verdict(ended=final), tuple(found[0]), *found[1:])

    def _before(self, shift: Shift, first: int) -> JudgedMinute:
        """Count the minutes before the shift together."""
        found = self.records.requests(first - BEFORE_MINUTES, first)
        old = total(versions.get(shift.old, NOTHING) for versions in found.values())
        before = JudgedMinute(old, NOTHING)
        self.write(before.line(shift.deployment, JUDGE.before))
        return before

    def _count(self, shift: Shift, first: int, end: int, *, over: int) -> dict[int, JudgedMinute]:
        """Count minutes from the log, and write down those that are over."""
        found = self.records.requests(first, end)
        minutes = {}
        for minute in range(first, end):
            versions = found.get(minute, {})
            counts = (versions.get(version, NOTHING) for version in (shift.old, shift.new))
            minutes[minute] = JudgedMinute(*counts)
            if minute < over:
                self.write(minutes[minute].line(shift.deployment, minute))
        return minutes
