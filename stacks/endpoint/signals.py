"""The metrics of an endpoint that are watched; `monitoring.signals` has those of models and APIs.

SageMaker counts by endpoint, by component and by instance; latencies are in microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch

from lading.functions.contract.alarms import RUNBOOK
from lading.functions.contract.names import ENDPOINT
from lading.stacks.endpoint.scaling import NAMESPACE
from lading.stacks.monitoring.signals import PERIOD, Signal, expression
from lading.stacks.stages.sagemaker import Mode

INSTANCES = "/aws/sagemaker/Endpoints"
"""Namespace of the metrics of instances."""

MICROSECONDS = 1000
OVERHEAD_MS = 500
"""What SageMaker may add to a model's latency: authorization, queueing, network."""
FULL_GPU = 95
BACKLOG_TIMES = 10
"""A queue that many times as long as the target of scaling does not get shorter by itself."""


@dataclass(frozen=True, slots=True)
class WatchedEndpoint:
    """An endpoint, as far as monitoring needs it.

    Args:
        name: its name.
        dashboard: name of its dashboard.
        component: name of the component on it; empty: the endpoint holds the model itself.
        mode: how it runs.
        error_rate: rate of failed requests above which an alarm goes off.
        p99_ms: objective for the p99 latency.
        backlog: target of scaling: waiting requests per instance.
        runbook: folder or URL of the pages of its alarms.
    """

    name: str
    dashboard: str
    component: str
    mode: Mode
    error_rate: float
    p99_ms: int
    backlog: float
    runbook: str = RUNBOOK

    @property
    def invoked(self) -> Mapping[str, str]:
        """Dimensions of metrics that count requests."""
        if self.component:
            return {"InferenceComponentName": self.component}
        return self.on_variant

    @property
    def on_variant(self) -> Mapping[str, str]:
        """Dimensions of metrics that measure instances."""
        return {"EndpointName": self.name, "VariantName": ENDPOINT.variant}


def endpoint_metric(
    dimensions: Mapping[str, str], name: str, statistic: str, namespace: str = NAMESPACE
) -> cloudwatch.Metric:
    """Return one of SageMaker's metrics."""
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=PERIOD,
    )


def panels(endpoint: WatchedEndpoint) -> dict[str, cloudwatch.IMetric]:
    """Return the graphs without an alarm, by their titles."""
    memory = endpoint_metric(endpoint.on_variant, "GPUMemoryUtilization", "Maximum", INSTANCES)
    found: dict[str, cloudwatch.IMetric] = {
        "GPU memory, percent of all GPUs": memory,
        f"{_scaled(endpoint).capitalize()} that answer": _answering(endpoint),
    }
    if endpoint.mode == "async":
        age = endpoint_metric(_queue(endpoint), "TimeInBacklog", "Maximum")
        return {**found, "Age of the oldest request of the queue, ms": age}
    first = endpoint_metric(endpoint.invoked, "FirstChunkModelLatency", "p99")
    return {**found, "p99 time to the first token of a stream, microseconds": first}


def _scaled(endpoint: WatchedEndpoint) -> str:
    return "copies" if endpoint.component else "instances"


def _answering(endpoint: WatchedEndpoint) -> cloudwatch.IMetric:
    """Return how many instances or copies there are, from two metrics whose ratio is the number.

    No metric for dashboards counts them: the counts of detailed observability are OpenTelemetry
    metrics, which only PromQL reads. For each request SageMaker adds one divided by the number of
    instances to `InvocationsPerInstance`, and likewise for copies and for a queue's length. So
    there is no value without requests.
    Source: "SageMaker AI metrics in Amazon CloudWatch" and "Alarms and logs for tracking metrics
    from asynchronous endpoints" in AWS's guide.
    """
    if endpoint.mode == "async":
        name, dimensions, statistic = "ApproximateBacklogSize", _queue(endpoint), "Average"
        each = f"{name}PerInstance"
    else:
        name, dimensions, statistic = "Invocations", endpoint.invoked, "Sum"
        each = "InvocationsPerCopy" if endpoint.component else "InvocationsPerInstance"
    parts = {
        "whole": endpoint_metric(dimensions, name, statistic),
        "each": endpoint_metric(dimensions, each, statistic),
    }
    return expression("whole / each", parts, _scaled(endpoint))


def _queue(endpoint: WatchedEndpoint) -> Mapping[str, str]:
    return {"EndpointName": endpoint.name}


def _error_rate(endpoint: WatchedEndpoint) -> cloudwatch.IMetric:
    return _share(endpoint.invoked, "Invocation5XXErrors", "Invocations")


def _queue_error_rate(endpoint: WatchedEndpoint) -> cloudwatch.IMetric:
    return _share(_queue(endpoint), "InvocationFailures", "InvocationsProcessed")


def _share(dimensions: Mapping[str, str], part: str, whole: str) -> cloudwatch.IMetric:
    parts = {
        "failed": endpoint_metric(dimensions, part, "Sum"),
        "requests": endpoint_metric(dimensions, whole, "Sum"),
    }
    return expression("FILL(failed, 0) / requests", parts, part)


_LATENCY: Signal[WatchedEndpoint] = Signal(
    "endpoint-latency",
    "p99 latency of the engine, microseconds",
    "service",
    lambda it: endpoint_metric(it.invoked, "ModelLatency", "p99"),
    lambda it: it.p99_ms * MICROSECONDS,
    "The engine is slow. Use more or larger instances, or another batch size.",
)
_ERRORS: Signal[WatchedEndpoint] = Signal(
    "endpoint-errors",
    "5xx error rate of the endpoint",
    "service",
    _error_rate,
    lambda it: it.error_rate,
    "Read the container's log. To return to the previous version, run `git revert` on the commit "
    "that changed the lock, and deploy.",
)
_OVERHEAD: Signal[WatchedEndpoint] = Signal(
    "endpoint-overhead",
    "p99 overhead latency of SageMaker, microseconds",
    "operations",
    lambda it: endpoint_metric(it.invoked, "OverheadLatency", "p99"),
    lambda _: OVERHEAD_MS * MICROSECONDS,
    "Requests wait for an instance. Lower scaling.target to scale out sooner, and check the size "
    "of bodies.",
)
_GPU: Signal[WatchedEndpoint] = Signal(
    "endpoint-gpu",
    "GPU utilization, percent of an instance",
    "operations",
    lambda it: endpoint_metric(it.on_variant, "GPUUtilizationNormalized", "Average", INSTANCES),
    lambda _: FULL_GPU,
    "The GPUs have no room for more requests. Lower scaling.target, or raise count.max.",
)
_CAPACITY: Signal[WatchedEndpoint] = Signal(
    "endpoint-no-capacity",
    "Requests without an instance",
    "operations",
    lambda it: endpoint_metric(it.invoked, "NoCapacityInvocationFailures", "Sum"),
    lambda _: 0,
    "No instance has started for ten minutes. AWS may have none of these types left; add others to "
    "`instances` as a fallback.",
)
_QUEUE_ERRORS: Signal[WatchedEndpoint] = Signal(
    "endpoint-errors",
    "Error rate of asynchronous requests",
    "service",
    _queue_error_rate,
    lambda it: it.error_rate,
    "Read the answers below failures/ in the bucket of jobs, and the container's log.",
)
_BACKLOG: Signal[WatchedEndpoint] = Signal(
    "endpoint-backlog",
    "Backlog, waiting requests",
    "service",
    lambda it: endpoint_metric(_queue(it), "ApproximateBacklogSize", "Maximum"),
    lambda it: it.backlog * BACKLOG_TIMES,
    "Requests arrive faster than they are answered. Raise count.max or queue.concurrency.",
)
_STUCK: Signal[WatchedEndpoint] = Signal(
    "endpoint-no-capacity",
    "Backlog without an instance",
    "operations",
    lambda it: endpoint_metric(_queue(it), "HasBacklogWithoutCapacity", "Maximum"),
    lambda _: 0,
    _CAPACITY.advice,
)

ENDPOINT_SIGNALS: Mapping[Mode, tuple[Signal[WatchedEndpoint], ...]] = {
    "steady": (_ERRORS, _LATENCY, _OVERHEAD, _GPU),
    "scale_to_zero": (_ERRORS, _LATENCY, _OVERHEAD, _GPU, _CAPACITY),
    "async": (_QUEUE_ERRORS, _BACKLOG, _GPU, _STUCK),
}
"""Mode -> the signals of its alarms and graphs."""


def requests(endpoint: WatchedEndpoint) -> cloudwatch.IMetric:
    """Return the number of requests."""
    if endpoint.mode == "async":
        return endpoint_metric(_queue(endpoint), "InvocationsProcessed", "Sum")
    return endpoint_metric(endpoint.invoked, "Invocations", "Sum")
