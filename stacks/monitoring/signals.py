"""The metrics that are watched, each described once: alarms and dashboards are made from this.

Crashes, throttles and durations are Lambda's metrics of the alias that callers use. The service
counts its own answers by function (`contract.METRICS.of_function`): an error that it reports as a
proper answer is no failed invocation to Lambda. Nothing here depends on a model's version, so a
roll-out changes neither the dashboards nor the API's stack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, Literal, Protocol, TypeVar

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from lading.functions.contract.alarms import RUNBOOK, runbook_page
from lading.functions.contract.limits import GATEWAY, LAMBDA
from lading.functions.contract.names import METRICS
from lading.stacks.stages.settings import ALIAS

PERIOD = Duration.minutes(5)

COLD_START_RATE = 0.25
CLIENT_ERROR_RATE = 0.5
LEAST_REQUESTS = 20
"""A rate over fewer requests than this in one period is ignored."""

CONCURRENCY_SHARE = 0.8

GATEWAY_MS = 500
"""What the gateway, the authorizer and the front function may add to a model's duration."""

Dashboard = Literal["service", "operations"]


@dataclass(frozen=True, slots=True)
class WatchedModel:
    """A model's function, as far as monitoring and the API need it.

    Args:
        name: name of the model.
        function: name of its function; the names of its alarms start with it.
        error_rate: rate of failed requests above which an alarm goes off.
        p99_ms: objective for the p99 latency.
        reserved_concurrency: the function's own limit, if it has one.
        streams: whether answers are streamed to the caller.
        timeout_s: time limit of an answer; the gateway's unless answers are streamed.
        endpoint_alarms: ends of the names of its endpoint's alarms.
        runbook: folder or URL of the pages of its alarms.
        feedback: whether callers send truths about its answers.
    """

    name: str
    function: str
    error_rate: float
    p99_ms: int
    reserved_concurrency: int | None = None
    streams: bool = False
    timeout_s: int = GATEWAY.timeout_s
    endpoint_alarms: tuple[str, ...] = ()
    runbook: str = RUNBOOK
    feedback: bool = False

    @property
    def mark(self) -> str:
        """End of the ids in its expressions, which must be unique on a dashboard."""
        return f"_{sha256(self.name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class WatchedApi:
    """A REST API, as far as monitoring needs it.

    Args:
        name: its name; the names of its alarms start with it.
        stage: name of its stage.
        error_rate: rate of failed requests above which an alarm goes off.
        p99_ms: objective for the p99 latency of its slowest model.
        waking: the dimension `stage` of the service's metrics, if a model has an endpoint.
        firewall: whether a firewall is in front of it.
        runbook: folder or URL of the pages of its alarms.
    """

    name: str
    stage: str
    error_rate: float
    p99_ms: int
    waking: str = ""
    firewall: bool = False
    runbook: str = RUNBOOK


class HasRunbook(Protocol):
    """What is watched has alarms, and their pages are somewhere."""

    @property
    def runbook(self) -> str:
        """Folder or URL of the pages of its alarms."""


Watched = TypeVar("Watched", bound=HasRunbook)


@dataclass(frozen=True, slots=True)
class Signal(Generic[Watched]):
    """One metric with its alarm.

    Args:
        key: end of the alarm's name.
        title: title of the graph, with the unit.
        dashboard: the dashboard that shows it.
        metric: returns the metric of what is watched.
        threshold: returns the value above which the alarm goes off.
        advice: what to do then.
        page: its page in the runbook; empty: the page has the name of the key.
    """

    key: str
    title: str
    dashboard: Dashboard
    metric: Callable[[Watched], cloudwatch.IMetric]
    threshold: Callable[[Watched], float]
    advice: str
    page: str = ""

    def description(self, watched: Watched) -> str:
        """Return the text of the alarm: what is wrong, what to do, and where more is said."""
        page = runbook_page(watched.runbook, self.page or self.key)
        return f"{self.title}. {self.advice} Runbook: {page}"


def lambda_metric(
    model: WatchedModel, name: str, statistic: str, **dimensions: str
) -> cloudwatch.Metric:
    """Return one of Lambda's metrics, of the invocations through the alias."""
    alias = {"FunctionName": model.function, "Resource": f"{model.function}:{ALIAS}"}
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={**alias, **dimensions},
        statistic=statistic,
        period=PERIOD,
    )


def service_metric(
    model: WatchedModel, name: str, executed_version: str | None = None
) -> cloudwatch.Metric:
    """Return one of the service's own counts, of a function or of one version of it."""
    function, version = METRICS.of_function[-1]
    of_version = {} if executed_version is None else {version: executed_version}
    return cloudwatch.Metric(
        namespace=METRICS.namespace,
        metric_name=name,
        dimensions_map={function: model.function, **of_version},
        statistic="Sum",
        period=PERIOD,
    )


def _error_rate(model: WatchedModel) -> cloudwatch.IMetric:
    """Return crashes and the service's own 5xx answers, over crashes and all its answers."""
    mark = model.mark
    parts: dict[str, cloudwatch.IMetric] = {
        f"crashes{mark}": lambda_metric(model, "Errors", "Sum"),
        f"failures{mark}": service_metric(model, METRICS.server_errors),
        f"requests{mark}": service_metric(model, METRICS.requests),
    }
    crashes = f"FILL(crashes{mark}, 0)"
    failed = f"{crashes} + FILL(failures{mark}, 0)"
    return expression(f"({failed}) / ({crashes} + FILL(requests{mark}, 0))", parts, model.name)


def _cold_start_rate(model: WatchedModel) -> cloudwatch.IMetric:
    mark = model.mark
    parts: dict[str, cloudwatch.IMetric] = {
        f"cold{mark}": service_metric(model, METRICS.cold_start),
        f"requests{mark}": service_metric(model, METRICS.requests),
    }
    rate = f"FILL(cold{mark}, 0) / requests{mark}"
    enough = f"requests{mark} >= {LEAST_REQUESTS}"
    return expression(f"IF({enough}, {rate}, 0)", parts, model.name)


def _concurrency_limit(model: WatchedModel) -> float:
    return CONCURRENCY_SHARE * (model.reserved_concurrency or LAMBDA.account_concurrency)


MODEL_SIGNALS: tuple[Signal[WatchedModel], ...] = (
    Signal(
        "error-rate",
        "Error rate (crashes and 5xx errors)",
        "service",
        _error_rate,
        lambda model: model.error_rate,
        "Look for level ERROR in the function's log. To return to the previous version, run "
        "`git revert` on the commit that changed the lock, and deploy.",
    ),
    Signal(
        "latency",
        "p99 latency of the function, ms",
        "service",
        lambda model: lambda_metric(model, "Duration", "p99"),
        lambda model: model.p99_ms,
        "Compare compute with decode latency on the dashboard. More memory_mb also brings more "
        "processors.",
    ),
    Signal(
        "throttles",
        "Throttles",
        "operations",
        lambda model: lambda_metric(model, "Throttles", "Sum"),
        lambda _model: 0,
        "Raise the model's reserved_concurrency, or request a higher concurrency quota for the "
        "account.",
    ),
    Signal(
        "cold-starts",
        "Cold start rate",
        "operations",
        _cold_start_rate,
        lambda _model: COLD_START_RATE,
        "Traffic comes in bursts, or environments end early. Check for crashes in the function's "
        "log, and whether memory_mb is enough.",
    ),
    Signal(
        "concurrency",
        "Concurrent executions",
        "operations",
        lambda model: lambda_metric(model, "ConcurrentExecutions", "Maximum"),
        _concurrency_limit,
        "Throttles come next. Raise the model's reserved_concurrency, or request a higher "
        "concurrency quota for the account.",
    ),
)


def api_metric(api: WatchedApi, name: str, statistic: str) -> cloudwatch.Metric:
    """Return one of API Gateway's metrics."""
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiName": api.name, "Stage": api.stage},
        statistic=statistic,
        period=PERIOD,
    )


def _client_error_rate(api: WatchedApi) -> cloudwatch.IMetric:
    parts: dict[str, cloudwatch.IMetric] = {
        "refused": api_metric(api, "4XXError", "Sum"),
        "requests": api_metric(api, "Count", "Sum"),
    }
    return expression(f"IF(requests >= {LEAST_REQUESTS}, refused / requests, 0)", parts, "4xx")


def _server_error_rate(api: WatchedApi) -> cloudwatch.IMetric:
    """Return the rate of 5xx errors, without those of endpoints that wake or are updated.

    Neither API Gateway nor its access log can tell a waking endpoint's 503 from another; the
    models' functions count it, by stage. With several APIs in a stage it is subtracted from each.
    """
    if not api.waking:
        return api_metric(api, "5XXError", "Average")
    parts: dict[str, cloudwatch.IMetric] = {
        "errors": api_metric(api, "5XXError", "Sum"),
        "requests": api_metric(api, "Count", "Sum"),
        "waking": cloudwatch.Metric(
            namespace=METRICS.namespace,
            metric_name=METRICS.waking,
            dimensions_map={METRICS.stage: api.waking},
            statistic="Sum",
            period=PERIOD,
        ),
    }
    return expression("(errors - FILL(waking, 0)) / requests", parts, "5xx, without waking")


def firewall_metric(api: WatchedApi, region: str) -> cloudwatch.Metric:
    """Return the number of requests that the API's firewall blocked."""
    return cloudwatch.Metric(
        namespace="AWS/WAFV2",
        metric_name="BlockedRequests",
        dimensions_map={"WebACL": api.name, "Rule": "ALL", "Region": region},
        statistic="Sum",
        period=PERIOD,
    )


API_SIGNALS: tuple[Signal[WatchedApi], ...] = (
    Signal(
        "client-errors",
        "4xx error rate",
        "service",
        _client_error_rate,
        lambda _api: CLIENT_ERROR_RATE,
        "A client uses wrong credentials, exceeds its quota or sends a wrong format. The access "
        "log has the reason of each request.",
    ),
    Signal(
        "server-errors",
        "5xx error rate",
        "service",
        _server_error_rate,
        lambda api: api.error_rate,
        "Check the alarms of the models first. If none of them is on, the access log has the "
        "gateway's reason.",
    ),
    Signal(
        "latency",
        "p99 latency of the API, ms",
        "service",
        lambda api: api_metric(api, "Latency", "p99"),
        lambda api: api.p99_ms + GATEWAY_MS,
        "Compare it with the models' p99 latency. The difference is the authorizer, the front "
        "function and the network.",
        page="api-latency",
    ),
)


def expression(
    text: str, parts: Mapping[str, cloudwatch.IMetric], label: str, period: Duration = PERIOD
) -> cloudwatch.MathExpression:
    """Return a CloudWatch expression over other metrics, named by their ids."""
    return cloudwatch.MathExpression(
        expression=text, using_metrics=dict(parts), label=label, period=period
    )
