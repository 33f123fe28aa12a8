"""What is watched of an endpoint, described once, as `signals` describes models and APIs.

SageMaker counts by endpoint, by component on it, and by instance; latencies are microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch

from lading.functions.contract.names import ENDPOINT
from lading.stacks.endpoint.scaling import NAMESPACE
from lading.stacks.monitoring.signals import PERIOD, Signal
from lading.stacks.stages.sagemaker import Mode

INSTANCES = "/aws/sagemaker/Endpoints"
"""Namespace of what instances use."""

MICROSECONDS = 1000
OVERHEAD_MS = 500
"""What SageMaker may add to a model's time: authorization, queueing, the way to the instance."""
FULL_GPU = 95
BACKLOG_TIMES = 10
"""A queue so many times as long as scaling aims at does not get shorter by itself."""


@dataclass(frozen=True, slots=True)
class WatchedEndpoint:
    """An endpoint, as far as watching it goes.

    Args:
        alarm_prefix: start of its alarms' names.
        name: its name.
        component: name of the component on it; empty: it holds its model itself.
        mode: how it runs.
        error_rate: share of failed requests above which it rings.
        p99_ms: objective for 99 of 100 requests.
        backlog: waiting requests, per instance, that scaling aims at.
    """

    alarm_prefix: str
    name: str
    component: str
    mode: Mode
    error_rate: float
    p99_ms: int
    backlog: float

    @property
    def invoked(self) -> Mapping[str, str]:
        """Dimensions of what is counted by request."""
        if self.component:
            return {"InferenceComponentName": self.component}
        return self.on_variant

    @property
    def on_variant(self) -> Mapping[str, str]:
        """Dimensions of what is counted by instance."""
        return {"EndpointName": self.name, "VariantName": ENDPOINT.variant}


def endpoint_metric(
    dimensions: Mapping[str, str], name: str, statistic: str, namespace: str = NAMESPACE
) -> cloudwatch.Metric:
    """A metric of SageMaker's."""
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=PERIOD,
    )


def _queue(endpoint: WatchedEndpoint) -> Mapping[str, str]:
    return {"EndpointName": endpoint.name}


def _error_rate(endpoint: WatchedEndpoint) -> cloudwatch.IMetric:
    return _share(endpoint.invoked, "Invocation5XXErrors", "Invocations")


def _queue_error_rate(endpoint: WatchedEndpoint) -> cloudwatch.IMetric:
    return _share(_queue(endpoint), "InvocationFailures", "InvocationsProcessed")


def _share(dimensions: Mapping[str, str], part: str, whole: str) -> cloudwatch.IMetric:
    return cloudwatch.MathExpression(
        expression="FILL(failed, 0) / requests",
        using_metrics={
            "failed": endpoint_metric(dimensions, part, "Sum"),
            "requests": endpoint_metric(dimensions, whole, "Sum"),
        },
        label=part,
        period=PERIOD,
    )


_LATENCY: Signal[WatchedEndpoint] = Signal(
    "endpoint-latency",
    "99th percentile of the engine's time, microseconds",
    "service",
    lambda it: endpoint_metric(it.invoked, "ModelLatency", "p99"),
    lambda it: it.p99_ms * MICROSECONDS,
    "The engine is slow: more instances, a larger one, or another batch size.",
)
_ERRORS: Signal[WatchedEndpoint] = Signal(
    "endpoint-errors",
    "Requests that the endpoint failed, of all",
    "service",
    _error_rate,
    lambda it: it.error_rate,
    "Read the container's log; `git revert` of the lock brings the last version back.",
)
_OVERHEAD: Signal[WatchedEndpoint] = Signal(
    "endpoint-overhead",
    "99th percentile of what SageMaker adds, microseconds",
    "operations",
    lambda it: endpoint_metric(it.invoked, "OverheadLatency", "p99"),
    lambda _: OVERHEAD_MS * MICROSECONDS,
    "Requests wait before an instance: scale out sooner, or look at the size of bodies.",
)
_GPU: Signal[WatchedEndpoint] = Signal(
    "endpoint-gpu",
    "GPU in use, percent of all of an instance",
    "operations",
    lambda it: endpoint_metric(it.on_variant, "GPUUtilizationNormalized", "Average", INSTANCES),
    lambda _: FULL_GPU,
    "Nothing is left for more requests: lower scaling.target, or raise count.max.",
)
_CAPACITY: Signal[WatchedEndpoint] = Signal(
    "endpoint-no-capacity",
    "Requests that found no instance",
    "operations",
    lambda it: endpoint_metric(it.invoked, "NoCapacityInvocationFailures", "Sum"),
    lambda _: 0,
    "It has not woken for ten minutes: AWS may have none of these instances left; name others to "
    "fall back to.",
)
_QUEUE_ERRORS: Signal[WatchedEndpoint] = Signal(
    "endpoint-errors",
    "Requests of the queue that failed, of all",
    "service",
    _queue_error_rate,
    lambda it: it.error_rate,
    "Their answers lie below failures/ in the jobs bucket; read them, and the container's log.",
)
_BACKLOG: Signal[WatchedEndpoint] = Signal(
    "endpoint-backlog",
    "Waiting requests",
    "service",
    lambda it: endpoint_metric(_queue(it), "ApproximateBacklogSize", "Maximum"),
    lambda it: it.backlog * BACKLOG_TIMES,
    "More comes than is done: raise count.max, or the queue's concurrency.",
)
_STUCK: Signal[WatchedEndpoint] = Signal(
    "endpoint-no-capacity",
    "Requests wait, and there is no instance",
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
"""Mode -> what rings, and is drawn."""


def requests(endpoint: WatchedEndpoint) -> cloudwatch.IMetric:
    """How many requests there were."""
    if endpoint.mode == "async":
        return endpoint_metric(_queue(endpoint), "InvocationsProcessed", "Sum")
    return endpoint_metric(endpoint.invoked, "Invocations", "Sum")
