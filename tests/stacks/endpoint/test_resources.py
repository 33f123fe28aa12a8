"""Endpoints of each mode and update policy, and what they may do."""

from dataclasses import replace
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from lading.stacks.plan.endpoints import EngineData
from tests.stacks.endpoints import PLANNED, endpoint_template
from tests.stacks.projects import IMAGE
from tests.stacks.synthesis import only, resources, statements

MODEL, CONFIG = "AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"
ENDPOINT, COMPONENT = "AWS::SageMaker::Endpoint", "AWS::SageMaker::InferenceComponent"
POOLS = ["ml.g5.xlarge", "ml.g6.xlarge"]
TWO = {"min": 2, "max": 4}


@pytest.fixture(scope="module")
def steady() -> Template:
    return endpoint_template(alarms=("rings",), count=TWO, instances=POOLS)


@pytest.fixture(scope="module")
def sleeping() -> Template:
    component = {"accelerators": 4, "cpus": 8.0, "memory_mb": 65536}
    return endpoint_template(
        alarms=("rings",), mode="scale_to_zero", count={"max": 3}, component=component
    )


@pytest.fixture(scope="module")
def queued() -> Template:
    return endpoint_template(mode="async", count={"max": 3}, queue={"concurrency": 8})


def properties(template: Template, kind: str) -> dict[str, Any]:
    return dict(only(template, kind)["Properties"])


def variant(template: Template) -> dict[str, Any]:
    (found,) = properties(template, CONFIG)["ProductionVariants"]
    return dict(found)


def test_the_engine_serves_files_that_are_named_by_their_digest(steady: Template) -> None:
    container = properties(steady, MODEL)["PrimaryContainer"]
    assert container == {
        "Image": IMAGE,
        "Environment": {
            "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model",
            "LADING_MODEL_VERSION": "3",
        },
        "ModelDataSource": {
            "S3DataSource": {
                "S3Uri": f"s3://artifacts-of-dev/models/chat/sha256/{'e' * 64}/",
                "S3DataType": "S3Prefix",
                "CompressionType": "None",
            }
        },
    }


def test_a_container_that_wants_an_archive_gets_the_one_below_the_prefix() -> None:
    files = EngineData("artifacts-of-dev", "models/chat/sha256/abc/", archive=True)
    template = endpoint_template(replace(PLANNED, files=files))
    source = properties(template, MODEL)["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source == {
        "S3Uri": "s3://artifacts-of-dev/models/chat/sha256/abc/model.tar.gz",
        "S3DataType": "S3Object",
        "CompressionType": "Gzip",
    }


def test_cloudformation_names_what_cannot_change(
    steady: Template, sleeping: Template, queued: Template
) -> None:
    for template in (steady, sleeping, queued):
        for kind, name in ((MODEL, "ModelName"), (CONFIG, "EndpointConfigName")):
            assert all(name not in it["Properties"] for it in resources(template, kind).values())
        assert "EndpointName" not in properties(template, ENDPOINT)


def test_a_second_instance_type_is_what_to_fall_back_to(steady: Template) -> None:
    assert variant(steady)["InstancePools"] == [
        {"InstanceType": "ml.g5.xlarge", "Priority": 1},
        {"InstanceType": "ml.g6.xlarge", "Priority": 2},
    ]
    assert "InstanceType" not in variant(steady)
    assert variant(endpoint_template())["InstanceType"] == "ml.g5.xlarge"


def test_requests_go_where_the_fewest_wait_except_from_a_queue(
    steady: Template, sleeping: Template, queued: Template
) -> None:
    for template in (steady, sleeping):
        routing = variant(template)["RoutingConfig"]
        assert routing == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert "RoutingConfig" not in variant(queued)


def test_an_update_keeps_the_number_of_instances_that_scaling_has_found(steady: Template) -> None:
    assert properties(steady, ENDPOINT)["RetainAllVariantProperties"] is True
    fixed = endpoint_template(count={"min": 2, "max": 2})
    assert "RetainAllVariantProperties" not in properties(fixed, ENDPOINT)
    assert not resources(fixed, "AWS::ApplicationAutoScaling::ScalableTarget")


def test_other_instance_types_make_another_endpoint_where_instances_scale(steady: Template) -> None:
    changed = endpoint_template(count=TWO, instances=["ml.g6.xlarge"])
    assert set(resources(steady, ENDPOINT)).isdisjoint(resources(changed, ENDPOINT))
    fixed = [endpoint_template(instances=[instance]) for instance in POOLS]
    assert len({tuple(resources(template, ENDPOINT)) for template in fixed}) == 1


def test_what_scales_to_zero_is_a_component_on_an_endpoint_without_a_model(
    sleeping: Template,
) -> None:
    on = variant(sleeping)
    assert "ModelName" not in on
    assert "ModelDataDownloadTimeoutInSeconds" not in on
    assert on["ManagedInstanceScaling"] == {
        "Status": "ENABLED",
        "MinInstanceCount": 0,
        "MaxInstanceCount": 4,
    }
    config = properties(sleeping, CONFIG)
    assert config["EnableNetworkIsolation"] is True
    assert "ExecutionRoleArn" in config
    assert "DeploymentConfig" not in properties(sleeping, ENDPOINT)


def test_a_component_takes_its_share_of_an_instance_and_rolls(sleeping: Template) -> None:
    component = properties(sleeping, COMPONENT)
    assert component["Specification"]["ComputeResourceRequirements"] == {
        "NumberOfAcceleratorDevicesRequired": 4,
        "NumberOfCpuCoresRequired": 8,
        "MinMemoryRequiredInMb": 65536,
    }
    assert component["Specification"]["DataCacheConfig"] == {"EnableCaching": True}
    assert component["DeploymentConfig"] == {
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "rings"}]},
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 33},
            "MaximumExecutionTimeoutInSeconds": 7200,
            "WaitIntervalInSeconds": 300,
        },
    }


def test_what_finds_a_component_has_its_name_in_lower_case(sleeping: Template) -> None:
    assert properties(sleeping, COMPONENT)["InferenceComponentName"] == "lading-dev-chat"
    alarm = properties(sleeping, "AWS::CloudWatch::Alarm")
    by_name = {"Name": "InferenceComponentName", "Value": "lading-dev-chat"}
    assert alarm["Dimensions"] == [by_name]
    target = only(sleeping, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["Properties"]["ResourceId"] == "inference-component/lading-dev-chat"
    (component,) = resources(sleeping, COMPONENT)
    assert component in target["DependsOn"]


@pytest.mark.parametrize("copies", [1, 2, 3, 7, 20, 21, 100])
def test_a_step_of_a_components_update_is_what_aws_accepts_and_finds_instances(copies: int) -> None:
    template = endpoint_template(mode="scale_to_zero", count={"max": copies})
    policy = properties(template, COMPONENT)["DeploymentConfig"]["RollingUpdatePolicy"]
    step = policy["MaximumBatchSize"]
    assert step["Type"] == "CAPACITY_PERCENT"
    assert 5 <= step["Value"] <= 50
    most = variant(template)["ManagedInstanceScaling"]["MaxInstanceCount"]
    assert most >= copies + max(1, copies * step["Value"] / 100)
    assert most == copies + 1 or copies > 20


def test_a_component_on_several_instance_types_says_what_it_takes_of_each() -> None:
    template = endpoint_template(mode="scale_to_zero", instances=POOLS)
    found = properties(template, COMPONENT)["Specifications"]
    assert [each["InstanceType"] for each in found] == POOLS


def test_asynchronous_requests_lie_in_the_jobs_bucket_and_topics_are_told(queued: Template) -> None:
    asynchronous = properties(queued, CONFIG)["AsyncInferenceConfig"]
    assert asynchronous["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 8}
    output = asynchronous["OutputConfig"]
    assert output["S3OutputPath"]["Fn::Join"][1][-1] == "/results/"
    assert output["S3FailurePath"]["Fn::Join"][1][-1] == "/failures/"
    assert set(output["NotificationConfig"]) == {"SuccessTopic", "ErrorTopic"}
    assert len(resources(queued, "AWS::SNS::Topic")) == 2


def test_topics_of_ones_own_are_told_instead() -> None:
    done, failed = (f"arn:aws:sns:eu-central-1:111122223333:{it}" for it in ("done", "failed"))
    template = endpoint_template(mode="async", queue={"success_topic": done, "error_topic": failed})
    config = properties(template, CONFIG)["AsyncInferenceConfig"]["OutputConfig"]
    assert config["NotificationConfig"] == {"SuccessTopic": done, "ErrorTopic": failed}
    assert not resources(template, "AWS::SNS::Topic")


def test_disks_are_encrypted_with_the_models_key_unless_their_hardware_does_it() -> None:
    assert "KmsKeyId" not in properties(endpoint_template(), CONFIG)
    own = properties(endpoint_template(instances=["ml.m5.xlarge"]), CONFIG)["KmsKeyId"]
    assert own["Fn::GetAtt"][0].startswith("Key")
    key = "arn:aws:kms:eu-central-1:111122223333:key/other"
    stated = endpoint_template(instances=["ml.m5.xlarge"], volume_key=key)
    assert properties(stated, CONFIG)["KmsKeyId"] == key


def test_containers_call_nobody_and_stand_in_ones_own_network_if_there_is_one() -> None:
    vpc = {"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"]}
    placed = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    steady = properties(endpoint_template(vpc=vpc), MODEL)
    assert steady["EnableNetworkIsolation"] is True
    assert steady["VpcConfig"] == placed
    sleeping = endpoint_template(vpc=vpc, mode="scale_to_zero")
    assert properties(sleeping, CONFIG)["VpcConfig"] == placed
    assert statements(sleeping, "ec2:CreateNetworkInterface")


def test_a_model_waits_for_the_policy_that_lets_it_be_read(steady: Template) -> None:
    steady.has_resource(
        MODEL, {"DependsOn": Match.array_with([Match.string_like_regexp("DefaultPolicy")])}
    )


def test_both_flags_of_metrics_are_stated_because_one_is_on_by_default() -> None:
    configs = [endpoint_template(), endpoint_template(metrics={"detailed": True})]
    stated = [only(each, CONFIG)["Properties"]["MetricsConfig"] for each in configs]
    assert stated[0] == {
        "EnableEnhancedMetrics": False,
        "EnableDetailedObservability": False,
        "MetricPublishFrequencyInSeconds": 60,
    }
    assert stated[1]["EnableDetailedObservability"] is True
