"""What is watched, described once: `monitoring` makes alarms of it, `dashboards` draws it.

Crashes, throttles and time come from Lambda, through the alias that callers use. What the service
answered comes from its own counts, by function (`contract.METRICS.of_function`): an error that it
turned into a proper answer is no failed invocation. Nothing here depends on a model's version, so
that a roll-out changes neither dashboards nor the API's stack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, Literal, Protocol, TypeVar

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from lading.functions.contract.limits import GATEWAY, LAMBDA
from lading.functions.contract.names import METRICS
from lading.stacks.stages.settings import ALIAS

PERIOD = Duration.minutes(5)

COLD_START_SHARE = 0.25
CLIENT_ERROR_SHARE = 0.5
FEWEST_REQUESTS = 20
"""A share of fewer requests than this in one period says nothing."""

CONCURRENCY_SHARE = 0.8

GATEWAY_MS = 500
"""What the gateway, the authorizer and the front function may add to a model's time."""

Dashboard = Literal["service", "operations"]


@dataclass(frozen=True, slots=True)
class WatchedModel:
    """A model, as far as watching it goes.

    Args:
        name: the model.
        function: its function's name.
        error_rate: share of failed requests above which it rings.
        p99_ms: objective for 99 of 100 requests.
        reserved_concurrency: the function's own limit, if it has one.
        streams: whether its answers go to the caller while they are made.
        timeout_s: the longest answer; what the gateway waits for at most where nothing streams.
        endpoint_alarms: ends of the names of its endpoint's alarms.
    """

    name: str
    function: str
    error_rate: float
    p99_ms: int
    reserved_concurrency: int | None = None
    streams: bool = False
    timeout_s: int = GATEWAY.timeout_s
    endpoint_alarms: tuple[str, ...] = ()

    @property
    def alarm_prefix(self) -> str:
        """Start of its alarms' names."""
        return self.function

    @property
    def mark(self) -> str:
        """End of the ids in its expressions: on a dashboard they stand beside other models'."""
        return f"_{sha256(self.name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class WatchedApi:
    """A REST API, as far as watching it goes."""

    name: str
    stage: str
    error_rate: float
    p99_ms: int

    @property
    def alarm_prefix(self) -> str:
        """Start of its alarms' names."""
        return self.name


class Watchable(Protocol):
    """Anything that alarms are made for."""

    @property
    def alarm_prefix(self) -> str:
        """Start of its alarms' names."""


Watched = TypeVar("Watched", bound=Watchable)


@dataclass(frozen=True, slots=True)
class Signal(Generic[Watched]):
    """One thing that is watched.

    Args:
        key: end of the alarm's name.
        title: what it is, with its unit.
        dashboard: where it is drawn.
        metric: what is measured.
        threshold: rings above this value.
        advice: what to do when it rings.
    """

    key: str
    title: str
    dashboard: Dashboard
    metric: Callable[[Watched], cloudwatch.IMetric]
    threshold: Callable[[Watched], float]
    advice: str


def lambda_metric(
    model: WatchedModel, name: str, statistic: str, **dimensions: str
) -> cloudwatch.Metric:
    """A metric of Lambda's, of the calls that come through the alias."""
    through = {"FunctionName": model.function, "Resource": f"{model.function}:{ALIAS}"}
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={**through, **dimensions},
        statistic=statistic,
        period=PERIOD,
    )


def service_metric(
    model: WatchedModel, name: str, executed_version: str | None = None
) -> cloudwatch.Metric:
    """One of the service's own counts of a model's function, or of one version of the function."""
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
    """Crashes and the service's own 5xx answers, over all invocations."""
    mark = model.mark
    parts: dict[str, cloudwatch.IMetric] = {
        f"crashes{mark}": lambda_metric(model, "Errors", "Sum"),
        f"failures{mark}": service_metric(model, METRICS.server_errors),
        f"invocations{mark}": lambda_metric(model, "Invocations", "Sum"),
    }
    failed = f"FILL(crashes{mark}, 0) + FILL(failures{mark}, 0)"
    return _math(f"({failed}) / invocations{mark}", parts, model.name)


def _cold_share(model: WatchedModel) -> cloudwatch.IMetric:
    mark = model.mark
    parts: dict[str, cloudwatch.IMetric] = {
        f"cold{mark}": service_metric(model, METRICS.cold_start),
        f"invocations{mark}": lambda_metric(model, "Invocations", "Sum"),
    }
    share = f"FILL(cold{mark}, 0) / invocations{mark}"
    enough = f"invocations{mark} >= {FEWEST_REQUESTS}"
    return _math(f"IF({enough}, {share}, 0)", parts, model.name)


def _concurrency_limit(model: WatchedModel) -> float:
    return CONCURRENCY_SHARE * (model.reserved_concurrency or LAMBDA.account_concurrency)


MODEL_SIGNALS: tuple[Signal[WatchedModel], ...] = (
    Signal(
        "error-rate",
        "Failed requests, of all",
        "service",
        _error_rate,
        lambda model: model.error_rate,
        "Read the function's log for level ERROR; `git revert` of the lock brings the last back.",
    ),
    Signal(
        "latency",
        "99th percentile of the time in the function, ms",
        "service",
        lambda model: lambda_metric(model, "Duration", "p99"),
        lambda model: model.p99_ms,
        "Compare compute with decode on the dashboard; more memory brings more processor.",
    ),
    Signal(
        "throttles",
        "Refused for want of concurrency",
        "operations",
        lambda model: lambda_metric(model, "Throttles", "Sum"),
        lambda _model: 0,
        "Raise the account's concurrency, or the model's reserved_concurrency.",
    ),
    Signal(
        "cold-starts",
        "Cold starts, of all",
        "operations",
        _cold_share,
        lambda _model: COLD_START_SHARE,
        "Traffic comes in bursts, or environments end early; see the function's memory and log.",
    ),
    Signal(
        "concurrency",
        "At once",
        "operations",
        lambda model: lambda_metric(model, "ConcurrentExecutions", "Maximum"),
        _concurrency_limit,
        "Soon there will be throttles: raise the limit before that.",
    ),
)


def api_metric(api: WatchedApi, name: str, statistic: str) -> cloudwatch.Metric:
    """A metric of API Gateway's."""
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiName": api.name, "Stage": api.stage},
        statistic=statistic,
        period=PERIOD,
    )


def _client_errors(api: WatchedApi) -> cloudwatch.IMetric:
    parts: dict[str, cloudwatch.IMetric] = {
        "refused": api_metric(api, "4XXError", "Sum"),
        "requests": api_metric(api, "Count", "Sum"),
    }
    return _math(f"IF(requests >= {FEWEST_REQUESTS}, refused / requests, 0)", parts, "4xx")


API_SIGNALS: tuple[Signal[WatchedApi], ...] = (
    Signal(
        "client-errors",
        "Answered with 4xx, of all",
        "service",
        _client_errors,
        lambda _api: CLIENT_ERROR_SHARE,
        "A caller lost its credentials, its quota or its format; the access log says which.",
    ),
    Signal(
        "server-errors",
        "Answered with 5xx, of all",
        "service",
        lambda api: api_metric(api, "5XXError", "Average"),
        lambda api: api.error_rate,
        "The model's alarm says more; if none rings, see the access log for the gateway's reason.",
    ),
    Signal(
        "latency",
        "99th percentile of the whole time, ms",
        "service",
        lambda api: api_metric(api, "Latency", "p99"),
        lambda api: api.p99_ms + GATEWAY_MS,
        "Compare with the models' own time; the rest is authorizer, front function and network.",
    ),
)


def _math(
    expression: str, parts: Mapping[str, cloudwatch.IMetric], label: str | None = None
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression,
        using_metrics=dict(parts),
        label=label,
        period=PERIOD,
    )
