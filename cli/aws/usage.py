"""Reads what a stage has used: metrics of CloudWatch, and tenants' requests from the access log."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from lading.api.errors import AwsRefused
from lading.functions.contract.names import METRICS, access_log, function_log
from lading.model_packaging.placement.used import UsedFunction, UsedStage
from lading.stacks.stages.settings import Deployment

HELPER_MB: Mapping[str, int] = {"front": 512, "authorizer": 512}
"""Memory of the API's own functions."""

_DAY = 86_400
_MOST_QUERIES = 500
_QUERY = "stats count(*) as requests by tenant, resource"
_MOST_ROWS = 10_000
_POLL_S = 1.0
_ENDED = ("Complete", "Failed", "Cancelled", "Timeout")


class SummedMetric(NamedTuple):
    """One sum: the metric's namespace and name, and its dimensions."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]


class TenantRequests(NamedTuple):
    """The requests of one tenant to one model; no tenant where there are no tokens."""

    tenant: str
    model: str
    requests: int


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days up to now."""

    days: int
    end: datetime

    @classmethod
    def until_now(cls, days: int) -> "Period":
        """Return the last days."""
        return cls(days, datetime.now(UTC))

    @property
    def start(self) -> datetime:
        """The first moment."""
        return self.end - timedelta(days=self.days)


class UsageReader:
    """Reads CloudWatch in one region.

    Args:
        deployment: the stage.
        region: the region; None: the AWS profile's.
        period: the days to read.
    """

    def __init__(self, deployment: Deployment, region: str | None, period: Period) -> None:
        import boto3

        self._deployment, self._period = deployment, period
        self._session: Any = boto3.session.Session(region_name=region)
        self._place = region or "the region of the AWS profile"

    def read(self, memories: Mapping[str, int]) -> UsedStage:
        """Return what the stage has used.

        Args:
            memories: model -> memory of its function in MB.

        Raises:
            AwsRefused: the metrics cannot be read.
        """
        names = self._deployment.names
        functions = {name: names.function(name) for name in memories}
        helpers = {role: names.api_function(role) for role in self._roles()}
        figures = [
            figure
            for function in (*functions.values(), *helpers.values())
            for figure in _of_function(function)
        ]
        api = _of_stage(names.api_stack, names.token_table, self._session.region_name or "")
        groups = [function_log(it) for it in (*functions.values(), *helpers.values())]
        logs = [_log(group) for group in (*groups, access_log(names.api_stack))]
        sums = self._sums([*figures, *api, *logs])
        requests, allowed, blocked, reads, writes = (sums[each] for each in api)
        return UsedStage(
            models={name: _used(sums, it, memories[name]) for name, it in functions.items()},
            helpers={role: _used(sums, it, HELPER_MB[role]) for role, it in helpers.items()},
            requests=requests,
            firewall=allowed + blocked,
            log_bytes=sum(sums[each] for each in logs),
            reads=reads,
            writes=writes,
        )

    def tenants(self) -> list[TenantRequests]:
        """Return who called which model how often; CloudWatch asks half a cent per GB of the log.

        Raises:
            AwsRefused: the access log cannot be read.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        group = access_log(self._deployment.names.api_stack)
        try:
            return list(_rows(self._asked(group)))
        except (BotoCoreError, ClientError) as error:
            raise AwsRefused(f"log {group} in {self._place}", str(error).rstrip(".")) from error

    def _asked(self, group: str) -> Sequence[Sequence[Mapping[str, str]]]:
        logs = self._session.client("logs")
        query = logs.start_query(
            logGroupName=group,
            startTime=int(self._period.start.timestamp()),
            endTime=int(self._period.end.timestamp()),
            queryString=_QUERY,
            limit=_MOST_ROWS,
        )["queryId"]
        while (found := logs.get_query_results(queryId=query))["status"] not in _ENDED:
            time.sleep(_POLL_S)
        if found["status"] != "Complete":
            raise AwsRefused(f"log {group}", f"the query ended as {found['status']}")
        rows: Sequence[Sequence[Mapping[str, str]]] = found["results"]
        return rows

    def _roles(self) -> list[str]:
        return ["front", *(["authorizer"] if self._deployment.settings.auth == "token" else [])]

    def _sums(self, figures: Sequence[SummedMetric]) -> dict[SummedMetric, float]:
        """Return the sum of each metric over the period; 0 where it has no data."""
        from botocore.exceptions import BotoCoreError, ClientError

        sums = dict.fromkeys(figures, 0.0)
        try:
            client = self._session.client("cloudwatch")
            for start in range(0, len(figures), _MOST_QUERIES):
                some = figures[start : start + _MOST_QUERIES]
                queries = [_query(number, each) for number, each in enumerate(some)]
                pages = client.get_paginator("get_metric_data").paginate(
                    MetricDataQueries=queries,
                    StartTime=self._period.start,
                    EndTime=self._period.end,
                )
                for result in (it for page in pages for it in page["MetricDataResults"]):
                    sums[some[int(result["Id"][1:])]] += sum(result["Values"])
        except (BotoCoreError, ClientError) as error:
            raise AwsRefused(f"metrics in {self._place}", str(error).rstrip(".")) from error
        return sums


def _of_function(function: str) -> tuple[SummedMetric, ...]:
    own = (("FunctionName", function),)
    ours = ((METRICS.of_function[0][0], function),)
    return (
        SummedMetric("AWS/Lambda", "Invocations", own),
        SummedMetric("AWS/Lambda", "Duration", own),
        SummedMetric(METRICS.namespace, METRICS.cold_start, ours),
    )


def _of_stage(api: str, table: str, region: str) -> tuple[SummedMetric, ...]:
    acl = (("WebACL", api), ("Region", region), ("Rule", "ALL"))
    tokens = (("TableName", table),)
    return (
        SummedMetric("AWS/ApiGateway", "Count", (("ApiName", api),)),
        SummedMetric("AWS/WAFV2", "AllowedRequests", acl),
        SummedMetric("AWS/WAFV2", "BlockedRequests", acl),
        SummedMetric("AWS/DynamoDB", "ConsumedReadCapacityUnits", tokens),
        SummedMetric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", tokens),
    )


def _log(group: str) -> SummedMetric:
    return SummedMetric("AWS/Logs", "IncomingBytes", (("LogGroupName", group),))


def _used(sums: Mapping[SummedMetric, float], function: str, memory_mb: int) -> UsedFunction:
    calls, milliseconds, cold = (sums[figure] for figure in _of_function(function))
    return UsedFunction(memory_mb, calls, milliseconds / 1000, cold)


def _query(number: int, figure: SummedMetric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in figure.dimensions]
    metric = {"Namespace": figure.namespace, "MetricName": figure.metric, "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": _DAY, "Stat": "Sum"}}


def _rows(results: Sequence[Sequence[Mapping[str, str]]]) -> Iterator[TenantRequests]:
    """Yield the requests of each tenant to each model's base URL; others name their model later."""
    counts: dict[tuple[str, str], int] = {}
    for row in results:
        fields = {each["field"]: each["value"] for each in row}
        model = fields.get("resource", "").lstrip("/").partition("/")[0]
        tenant = fields.get("tenant", "").strip("-")
        key = (tenant, model)
        counts[key] = counts.get(key, 0) + int(float(fields["requests"]))
    for (tenant, model), requests in sorted(counts.items()):
        yield TenantRequests(tenant, model, requests)
