"""What a stage costs in a month, by part: at rest, and under a given traffic.

The numbers of parts come from the stage's settings (`stacks/plan/costs.py`), the prices from
`prices.yaml`. Sizes and times of one request are estimates, and stand here as constants.
"""

from dataclasses import dataclass

from lading.model_packaging.placement.options import MILLION, MONTH_HOURS
from lading.model_packaging.placement.prices import Prices

GIGABYTE = 1e9
"""As AWS counts bytes of logs and of transfers."""
ACCESS_LOG_BYTES, FUNCTION_LOG_BYTES = 700, 1_500
"""Of one request: the API's line, and the function's own with those of Lambda."""
METRICS_OF_MODEL, METRICS_OF_FUNCTION = 8, 6
"""Custom metrics with data: of a model, version and dialect; and of its function."""
SAMPLED, TRACED_A_SECOND = 0.05, 1
"""X-Ray's default sampling: one request a second, and a share of the others."""
HELPER_SECONDS, HELPER_GB = 0.01, 0.5
"""Time and memory of the authorizer or the front function for one request."""
SNAPSHOTS = 2
"""Published versions with a snapshot: the live one, and the previous one."""


@dataclass(frozen=True, slots=True)
class StageParts:
    """What a stage has in one region.

    Args:
        models: number of models' functions.
        snapshot_gb: memory of the functions that start from a snapshot, in GB.
        provisioned_gb: memory of the environments that are kept started, in GB: those of a
            deployment; what a schedule adds or takes is not known in advance.
        instances_hour: dollars per hour of the instances of endpoints that never sleep.
        hosts_hour: dollars per hour of the hosts of managed instances, without the fee.
        alarm_metrics: metrics that alarms read.
        dashboards: dashboards.
        keys: KMS keys.
        firewall_rules: rules of the firewall; 0: none.
        authorizer: share of requests that the authorizer and its table check.
        tables: DynamoDB tables.
        artifact_gb: gigabytes of the locked versions in S3.
    """

    models: int
    snapshot_gb: float
    provisioned_gb: float
    instances_hour: float
    hosts_hour: float
    alarm_metrics: int
    dashboards: int
    keys: int
    firewall_rules: int
    authorizer: float
    tables: int
    artifact_gb: float = 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests of a month to all models.

    Args:
        requests: their number.
        compute: price of their time in the models' functions.
        root_share: share of them that go to root paths, through the front function.
        answer_bytes: size of an answer.
    """

    requests: int
    compute: float
    root_share: float = 0.0
    answer_bytes: int = 1_000


@dataclass(frozen=True, slots=True)
class CostPart:
    """One part: dollars of a month without requests, and what the requests add."""

    name: str
    rest: float
    usage: float = 0.0


def cost_parts(parts: StageParts, traffic: Traffic, prices: Prices) -> tuple[CostPart, ...]:
    """Return the cost of each part, also of those that cost nothing."""
    return (*_at_rest(parts, prices), *_under_traffic(parts, traffic, prices))


def _at_rest(parts: StageParts, prices: Prices) -> tuple[CostPart, ...]:
    stage, seconds = prices.stage, MONTH_HOURS * 3600
    snapshots = parts.snapshot_gb * SNAPSHOTS * seconds * prices.lambda_.snapshot_gb_second
    firewall = stage.firewall_month + parts.firewall_rules * stage.firewall_rule_month
    hosts = parts.hosts_hour * (1 + prices.managed.fee) * MONTH_HOURS
    return (
        CostPart("endpoint instances", parts.instances_hour * MONTH_HOURS),
        CostPart("managed hosts", hosts),
        CostPart("snapshots", snapshots),
        CostPart(
            "provisioned concurrency",
            parts.provisioned_gb * seconds * prices.lambda_.provisioned_gb_second,
        ),
        CostPart("alarms", parts.alarm_metrics * stage.alarm_metric_month),
        CostPart("dashboards", parts.dashboards * stage.dashboard_month),
        CostPart("keys", parts.keys * stage.key_month),
        CostPart("firewall", firewall if parts.firewall_rules else 0.0),
        CostPart("artifacts", parts.artifact_gb * stage.bucket_gb_month),
    )


def _under_traffic(parts: StageParts, traffic: Traffic, prices: Prices) -> tuple[CostPart, ...]:
    stage, millions = prices.stage, traffic.requests / MILLION
    helper = (
        prices.lambda_.requests_per_million
        + HELPER_SECONDS * HELPER_GB * MILLION * prices.lambda_.gb_second
    )
    checked = parts.authorizer * millions
    logged = traffic.requests * (ACCESS_LOG_BYTES + FUNCTION_LOG_BYTES) / GIGABYTE
    metrics = parts.models * (METRICS_OF_MODEL + METRICS_OF_FUNCTION) if traffic.requests else 0
    firewall = stage.firewall_per_million * millions if parts.firewall_rules else 0.0
    return (
        CostPart("API", 0, prices.api.requests_per_million * millions),
        CostPart("models' functions", 0, traffic.compute),
        CostPart("front", 0, helper * millions * traffic.root_share),
        CostPart("authorizer", 0, helper * checked),
        CostPart("tables", 0, stage.table_reads_per_million * checked),
        CostPart("firewall requests", 0, firewall),
        CostPart("logs", 0, logged * (stage.log_gb + stage.log_gb_month)),
        CostPart("traces", 0, _traced(traffic.requests) / MILLION * stage.traces_per_million),
        CostPart("custom metrics", 0, metrics * stage.metric_month),
        CostPart("transfer", 0, traffic.requests * traffic.answer_bytes / 1e9 * stage.transfer_gb),
    )


def _traced(requests: int) -> float:
    first = min(requests, TRACED_A_SECOND * MONTH_HOURS * 3600)
    return first + (requests - first) * SAMPLED
