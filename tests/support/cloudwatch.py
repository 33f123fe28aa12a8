"""CloudWatch for tests, in the protocol that boto3 speaks: PutMetricData and GetMetricData."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lading.functions.inference.wire.asgi import Receive, Scope, Send

_JSON = [(b"content-type", b"application/x-amz-json-1.0")]
_RANGE = re.compile(r"TC\(([0-9.]*):([0-9.]*)\)")
Metric = tuple[str, frozenset[tuple[str, str]]]


@dataclass
class CloudWatchApi:
    """An ASGI application: the values of each metric, and an error for every call."""

    values: dict[Metric, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    refusal: str = ""
    published: list[Mapping[str, Any]] = field(default_factory=list)

    def put(self, name: str, dimensions: Mapping[str, str], at_s: float, value: float) -> None:
        self.values[name, frozenset(dimensions.items())].append((at_s, value))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        operation = headers[b"x-amz-target"].decode().rpartition(".")[2]
        document = {"__type": self.refusal}
        if not self.refusal:
            document = self._answers[operation](json.loads(body))
        status = 400 if self.refusal else 200
        await send({"type": "http.response.start", "status": status, "headers": _JSON})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    @property
    def _answers(self) -> Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        return {"PutMetricData": self._publish, "GetMetricData": self._read}

    def _publish(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.published += request["MetricData"]
        return {}

    def _read(self, request: Mapping[str, Any]) -> dict[str, Any]:
        limits = request["StartTime"], request["EndTime"]
        results = [self._result(query, *limits) for query in request["MetricDataQueries"]]
        return {"MetricDataResults": results}

    def _result(self, query: Mapping[str, Any], start: float, end: float) -> dict[str, Any]:
        asked = query["MetricStat"]
        dimensions = {it["Name"]: it["Value"] for it in asked["Metric"]["Dimensions"]}
        minutes: dict[int, list[float]] = defaultdict(list)
        metric = asked["Metric"]["MetricName"], frozenset(dimensions.items())
        for at, value in self.values.get(metric, ()):
            if start <= at < end:
                minutes[int(at // 60)].append(value)
        values = [_statistic(asked["Stat"], it) for it in minutes.values()]
        return {
            "Id": query["Id"],
            "Timestamps": [it * 60 for it in minutes],
            "Values": values,
            "StatusCode": "Complete",
        }


def _statistic(name: str, values: list[float]) -> float:
    found = _RANGE.fullmatch(name)
    if found:
        assert found[1] or found[2], "AWS describes no range without a bound"
        low, high = float(found[1] or "-inf"), float(found[2] or "inf")
        return float(sum(low < it <= high for it in values))
    found_by: dict[str, Callable[[list[float]], float]] = {
        "Sum": sum,
        "SampleCount": len,
        "Minimum": min,
        "Maximum": max,
    }
    return float(found_by[name](values))
