"""How many instances an endpoint has, or copies of its model, and which metric decides.

| mode          | what scales | metric                             | wakes from zero by           |
|---|---|---|---|
| steady        | instances   | concurrent requests, or per minute |                              |
| scale_to_zero | copies      | concurrent requests, or per minute | NoCapacityInvocationFailures |
| async         | instances   | waiting requests per instance      | HasBacklogWithoutCapacity    |

A metric per instance has no value while there are none; the alarms of the last column start the
first instance.
"""

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from lading.functions.contract.alarms import alarm_name, runbook_page
from lading.functions.contract.names import ENDPOINT
from lading.stacks.stages.sagemaker import SageMakerSettings

NAMESPACE = "AWS/SageMaker"

_COOLDOWN_S = 60
_WAKE = "wake"
_PREDEFINED = {
    ("variant", "concurrency"): "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ("variant", "invocations"): "SageMakerVariantInvocationsPerInstance",
    ("component", "concurrency"): (
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
    ),
    ("component", "invocations"): "SageMakerInferenceComponentInvocationsPerCopy",
}
_WAKING = {"component": "NoCapacityInvocationFailures", "variant": "HasBacklogWithoutCapacity"}
_Policy = autoscaling.CfnScalingPolicy


class EndpointScaling(Construct):
    """Scales instances or copies by a metric, and wakes an endpoint that has none.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        settings: settings of the endpoint.
        endpoint: name of the endpoint whose instances scale.
        component: name of the component whose copies scale instead; empty: there is none.
        prefix: start of the names of policies and alarms.
        runbook: folder or URL of the pages of its alarms.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: SageMakerSettings,
        endpoint: str,
        component: str,
        prefix: str,
        runbook: str,
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._prefix, self._runbook = settings, prefix, runbook
        self._kind, self._dimension = "variant", ("EndpointName", endpoint)
        resource = f"endpoint/{endpoint}/variant/{ENDPOINT.variant}"
        scalable = "sagemaker:variant:DesiredInstanceCount"
        if component:
            self._kind, self._dimension = "component", ("InferenceComponentName", component)
            resource = f"inference-component/{component}"
            scalable = "sagemaker:inference-component:DesiredCopyCount"
        self._target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension=scalable,
            resource_id=resource,
            min_capacity=settings.fewest,
            max_capacity=settings.count.max,
        )
        self._follow()
        if settings.fewest == 0:
            self._wake()

    def _follow(self) -> None:
        """Keep the metric near its target."""
        scaling = self._settings.scaling
        metric = self._settings.metric
        predefined = _PREDEFINED.get((self._kind, metric))
        _Policy(
            self,
            "Follow",
            policy_name=f"{self._prefix}-{metric}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self._target.ref,
            target_tracking_scaling_policy_configuration=_Policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=scaling.target,
                scale_in_cooldown=scaling.in_cooldown_s,
                scale_out_cooldown=scaling.out_cooldown_s,
                predefined_metric_specification=(
                    _Policy.PredefinedMetricSpecificationProperty(predefined_metric_type=predefined)
                    if predefined
                    else None
                ),
                customized_metric_specification=None if predefined else self._backlog(),
            ),
        )

    def _backlog(self) -> autoscaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty:
        name, value = self._dimension
        return _Policy.CustomizedMetricSpecificationProperty(
            namespace=NAMESPACE,
            metric_name="ApproximateBacklogSizePerInstance",
            statistic="Average",
            dimensions=[_Policy.MetricDimensionProperty(name=name, value=value)],
        )

    def _wake(self) -> None:
        """Add one instance or copy when a request finds none."""
        step = _Policy(
            self,
            "Wake",
            policy_name=f"{self._prefix}-wake",
            policy_type="StepScaling",
            scaling_target_id=self._target.ref,
            step_scaling_policy_configuration=_Policy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Maximum",
                cooldown=_COOLDOWN_S,
                step_adjustments=[
                    _Policy.StepAdjustmentProperty(
                        metric_interval_lower_bound=0, scaling_adjustment=1
                    )
                ],
            ),
        )
        name, value = self._dimension
        alarm = cloudwatch.CfnAlarm(
            self,
            "WakeAlarm",
            alarm_name=alarm_name(self._prefix, _WAKE),
            alarm_description=(
                "A request found no instance. This alarm starts one; no action is necessary. "
                f"Runbook: {runbook_page(self._runbook, _WAKE)}"
            ),
            namespace=NAMESPACE,
            metric_name=_WAKING[self._kind],
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)],
            statistic="Maximum",
            period=Duration.minutes(1).to_seconds(),
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="missing",
            alarm_actions=[step.ref],
        )
        alarm.node.add_dependency(step)
