"""How many instances an endpoint has, or copies of its model: what the number follows.

| mode          | what scales | follows                            | from zero                    |
|---|---|---|---|
| steady        | instances   | requests at once, or a minute      |                              |
| scale_to_zero | copies      | requests at once, or a minute      | NoCapacityInvocationFailures |
| async         | instances   | waiting requests, per instance     | HasBacklogWithoutCapacity    |

Nothing that divides by the number of instances tells anything while there are none: that is what
the two alarms of the last column are for.
"""

from aws_cdk import Duration, Fn
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from lading.functions.contract.names import ENDPOINT
from lading.stacks.stages.sagemaker import SageMakerSettings

NAMESPACE = "AWS/SageMaker"

_COOLDOWN_S = 60
_PREDEFINED = {
    ("variant", "concurrency"): "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ("variant", "invocations"): "SageMakerVariantInvocationsPerInstance",
    ("component", "concurrency"): (
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
    ),
    ("component", "invocations"): "SageMakerInferenceComponentInvocationsPerCopy",
}
_Policy = autoscaling.CfnScalingPolicy


def component_name(component: sagemaker.CfnInferenceComponent) -> str:
    """The name that CloudFormation gave it, which it tells only as the end of the ARN."""
    return Fn.select(1, Fn.split("/", component.attr_inference_component_arn))


class EndpointScaling(Construct):
    """Follows a metric with the number of instances or copies, and wakes what has none.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        settings: of the endpoint.
        endpoint: whose instances scale.
        component: whose copies scale instead.
        prefix: start of the names of policies and alarms.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: SageMakerSettings,
        endpoint: sagemaker.CfnEndpoint,
        component: sagemaker.CfnInferenceComponent | None,
        prefix: str,
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._prefix = settings, prefix
        self._of = "component" if component else "variant"
        self._dimensions = {"EndpointName": endpoint.attr_endpoint_name}
        resource, dimension = (
            f"endpoint/{endpoint.attr_endpoint_name}/variant/{ENDPOINT.variant}",
            "sagemaker:variant:DesiredInstanceCount",
        )
        if component:
            name = component_name(component)
            self._dimensions = {"InferenceComponentName": name}
            resource = f"inference-component/{name}"
            dimension = "sagemaker:inference-component:DesiredCopyCount"
        self._target = autoscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension=dimension,
            resource_id=resource,
            min_capacity=settings.fewest,
            max_capacity=settings.count.max,
        )
        self._follow()
        if settings.fewest == 0:
            self._wake()

    def _follow(self) -> None:
        scaling = self._settings.scaling
        metric = self._settings.metric
        predefined = _PREDEFINED.get((self._of, metric))
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
        return _Policy.CustomizedMetricSpecificationProperty(
            namespace=NAMESPACE,
            metric_name="ApproximateBacklogSizePerInstance",
            statistic="Average",
            dimensions=[
                _Policy.MetricDimensionProperty(name=name, value=value)
                for name, value in self._dimensions.items()
            ],
        )

    def _wake(self) -> None:
        """One more as soon as a request finds none."""
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
        alarm = cloudwatch.CfnAlarm(
            self,
            "WakeAlarm",
            alarm_name=f"{self._prefix}-wake",
            alarm_description="A request found no instance; this rings for the scaling alone.",
            namespace=NAMESPACE,
            metric_name=_WAKING[self._of],
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in self._dimensions.items()
            ],
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


_WAKING = {
    "component": "NoCapacityInvocationFailures",
    "variant": "HasBacklogWithoutCapacity",
}
