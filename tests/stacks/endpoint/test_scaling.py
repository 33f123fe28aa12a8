"""What the number of instances or copies follows, and what wakes an endpoint that has none."""

from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.stacks.endpoints import endpoint_template
from tests.stacks.synthesis import only, resources

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"
FOLLOW = "TargetTrackingScalingPolicyConfiguration"


def followed(template: Template) -> dict[str, Any]:
    policy = only(template, POLICY, PolicyType="TargetTrackingScaling")
    return dict(policy["Properties"][FOLLOW])


@pytest.mark.parametrize(
    ("mode", "metric", "expected"),
    [
        ("steady", "concurrency", "SageMakerVariantConcurrentRequestsPerModelHighResolution"),
        ("steady", "invocations", "SageMakerVariantInvocationsPerInstance"),
        (
            "scale_to_zero",
            "concurrency",
            "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
        ),
        ("scale_to_zero", "invocations", "SageMakerInferenceComponentInvocationsPerCopy"),
    ],
)
def test_the_number_follows_the_metric_that_the_stage_names(
    mode: str, metric: str, expected: str
) -> None:
    scaling = {"metric": metric, "target": 7.5, "in_cooldown_s": 900}
    found = followed(endpoint_template(mode=mode, count={"max": 3}, scaling=scaling))
    assert found["PredefinedMetricSpecification"] == {"PredefinedMetricType": expected}
    assert (found["TargetValue"], found["ScaleInCooldown"]) == (7.5, 900)


def test_a_steady_endpoint_scales_its_instances_and_never_to_none() -> None:
    template = endpoint_template(count={"min": 2, "max": 5})
    target = only(template, TARGET)["Properties"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 5)
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert target["ResourceId"]["Fn::Join"][1][-1] == "/variant/main"
    assert not resources(template, ALARM)


def test_copies_scale_to_none_and_a_request_that_finds_none_wakes_one() -> None:
    template = endpoint_template(mode="scale_to_zero", count={"max": 3})
    target = only(template, TARGET)["Properties"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    alarm = only(template, ALARM)["Properties"]
    assert alarm["MetricName"] == "NoCapacityInvocationFailures"
    assert [it["Name"] for it in alarm["Dimensions"]] == ["InferenceComponentName"]
    wakes(template, alarm)


def test_a_queue_scales_on_what_waits_and_wakes_when_anything_does() -> None:
    template = endpoint_template(mode="async", count={"max": 3}, scaling={"target": 5})
    found = followed(template)["CustomizedMetricSpecification"]
    assert found["MetricName"] == "ApproximateBacklogSizePerInstance"
    assert followed(template)["TargetValue"] == 5
    alarm = only(template, ALARM)["Properties"]
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert [it["Name"] for it in alarm["Dimensions"]] == ["EndpointName"]
    wakes(template, alarm)


def wakes(template: Template, alarm: dict[str, Any]) -> None:
    """Within a minute, by one."""
    ((step, policy),) = template.find_resources(
        POLICY, {"Properties": {"PolicyType": "StepScaling"}}
    ).items()
    assert alarm["AlarmActions"] == [{"Ref": step}]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (60, 1, 1)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    steps = policy["Properties"]["StepScalingPolicyConfiguration"]["StepAdjustments"]
    assert steps == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]


def test_a_queue_that_always_has_an_instance_needs_no_waking() -> None:
    assert not resources(endpoint_template(mode="async", count={"min": 1, "max": 3}), ALARM)
