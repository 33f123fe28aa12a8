"""What the old and the new fleet of an endpoint did in each minute, from SageMaker's metrics.

During an update SageMaker counts each fleet by itself: its metrics have the dimension
`EndpointConfigName` beside endpoint and variant (developer guide, "Auto-rollback configuration and
monitoring"). Latencies are counted on the grid of `steps`: CloudWatch's statistic `TC(a:b)` is the
number of values above `a` and up to `b`, so the counts are exact. A fleet without requests in a
minute has no values.

Answers come from the log of the function before the endpoint, which says of each whether the fleet
of its own version has given it, or another one. Only Triton's answers tell that. The function is
updated after its endpoint (`stacks/endpoint/model_endpoint.py`), so its own version is the old one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import boto3

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import ENDPOINT
from lading.functions.contract.steps import PER_OCTAVE, lowest_of, step_of
from lading.functions.evidence.counts import NOTHING, VersionCounts
from lading.functions.evidence.log_lines import MINUTE_MS, Counted
from lading.functions.judge.records import JudgedMinute, OwnLog, answers_of_fleets
from lading.functions.judge.rollouts import Shift

MOST_STEPS: Final = 12 * PER_OCTAVE
"""Latencies of a window that are further apart than this (4,096 times) share the lowest step."""
_MOST_QUERIES: Final = 500
_NAMESPACE, _LATENCY = "AWS/SageMaker", "ModelLatency"
_MICROSECONDS: Final = 1000
_WHOLE: Final = (
    ("Invocations", "Sum"),
    ("Invocation5XXErrors", "Sum"),
    (_LATENCY, "Minimum"),
    (_LATENCY, "Maximum"),
)


class _Wanted(NamedTuple):
    """One statistic of one fleet's metric."""

    config: str
    metric: str
    statistic: str


_Values = Mapping[_Wanted, Mapping[int, float]]
"""Statistic -> minute since 1970 -> its value."""


class Fleets:
    """The fleets of one endpoint while it is updated.

    Args:
        endpoint: name of the endpoint.
        function: name of the function before it.
        shift: the update, from one configuration to another.
        log: the judge's own log.
    """

    def __init__(self, endpoint: str, function: str, shift: Shift, log: OwnLog) -> None:
        self._endpoint, self._function, self._log = endpoint, function, log
        self._configs, self._old = (shift.old, shift.new), shift.names[0]
        client: Callable[..., Any] = boto3.client
        self._cloudwatch = client("cloudwatch")

    def kept(self, deployment: str, start_ms: int) -> Mapping[int, JudgedMinute]:
        """Return the minutes of an update that were counted before."""
        return self._log.kept(deployment, start_ms)

    def requests(self, start_minute: int, end_minute: int) -> Counted:
        """Return the counts of each minute, by the configuration of the fleet.

        Raises:
            ClientError: the metrics, or the function's log, cannot be read.
            ValueError: a line of the log has another form.
        """
        window = start_minute, end_minute
        found = self._values([_Wanted(it, *of) for it in self._configs for of in _WHOLE], window)
        ranges = list(_ranges(found))
        buckets = [_Wanted(it, _LATENCY, of) for it in self._configs for _, of in ranges]
        counts = self._values(buckets, window)
        answers = answers_of_fleets(self._function, start_minute, end_minute)
        counted: dict[int, dict[str, VersionCounts]] = defaultdict(dict)
        for place, config in enumerate(self._configs):
            sums = [found[_Wanted(config, *of)] for of in _WHOLE[:2]]
            for minute in {*sums[0], *answers}:  # the latter also before the update
                latency = {
                    step: round(count)
                    for step, of in ranges
                    if (count := counts[_Wanted(config, _LATENCY, of)].get(minute))
                }
                requests, errors = (round(it.get(minute, 0)) for it in sums)
                told = self._told(answers.get(minute, {}))[place]
                counted[minute][config] = VersionCounts(
                    requests, errors, latency, told.classes, told.scores
                )
        return counted

    def _told(self, answers: Mapping[str, VersionCounts]) -> tuple[VersionCounts, VersionCounts]:
        """Return what the old and the new fleet have answered in a minute.

        If a function of another version has answered too, or alone, nobody knows which fleet the
        other one is.
        """
        if self._old not in answers or answers.keys() - {self._old, JUDGE.other_fleet}:
            return NOTHING, NOTHING
        return answers[self._old], answers.get(JUDGE.other_fleet, NOTHING)

    def _values(self, wanted: Sequence[_Wanted], window: tuple[int, int]) -> _Values:
        found: dict[_Wanted, dict[int, float]] = {it: {} for it in wanted}
        pages = self._cloudwatch.get_paginator("get_metric_data")
        start, end = (datetime.fromtimestamp(it * MINUTE_MS / 1000, UTC) for it in window)
        for first in range(0, len(wanted), _MOST_QUERIES):
            asked = {f"q{n}": it for n, it in enumerate(wanted[first : first + _MOST_QUERIES])}
            queries = [self._query(id_, it) for id_, it in asked.items()]
            for page in pages.paginate(MetricDataQueries=queries, StartTime=start, EndTime=end):
                for result in page["MetricDataResults"]:
                    values = zip(result["Timestamps"], result["Values"], strict=True)
                    found[asked[result["Id"]]] |= {_minute(at): value for at, value in values}
        return found

    def _query(self, id_: str, wanted: _Wanted) -> dict[str, Any]:
        dimensions = {
            "EndpointName": self._endpoint,
            "VariantName": ENDPOINT.variant,
            "EndpointConfigName": wanted.config,
        }
        metric = {
            "Namespace": _NAMESPACE,
            "MetricName": wanted.metric,
            "Dimensions": [{"Name": name, "Value": it} for name, it in dimensions.items()],
        }
        return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": wanted.statistic}}


def _minute(at: datetime) -> int:
    return int(at.timestamp() * 1000) // MINUTE_MS


def _ranges(found: _Values) -> Iterator[tuple[int, str]]:
    """Yield each step between the fastest and the slowest request, and its statistic."""
    times = [
        value / _MICROSECONDS
        for wanted, values in found.items()
        if wanted.metric == _LATENCY
        for value in values.values()
    ]
    if not times:
        return
    last = step_of(max(times))
    first = max(step_of(min(times)), last - MOST_STEPS)
    if first == last:  # a range needs a bound
        yield first, "SampleCount"
        return
    for step in range(first, last + 1):
        low = "" if step == first else f"{_microseconds(step):.6f}"
        high = "" if step == last else f"{_microseconds(step + 1):.6f}"
        yield step, f"TC({low}:{high})"


def _microseconds(step: int) -> float:
    return lowest_of(step) * _MICROSECONDS
