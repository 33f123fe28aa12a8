import json

import pytest
from aws_cdk.assertions import Template

from tests.stacks.endpoints import stacks
from tests.stacks.synthesis import only, resources, statements

FUNCTION = "AWS::Lambda::Function"
CONFIG = "AWS::SageMaker::EndpointConfig"

CHECK = {"FunctionName": "lading-dev-endpoint-chat"}


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Template:
    settings = "count: {min: 2, max: 4}, update: {alarms: [mine]}"
    return stacks(tmp_path_factory.mktemp("steady"), settings)[0]


@pytest.fixture(scope="module")
def sleeping(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, Template]:
    return stacks(tmp_path_factory.mktemp("sleeping"), "mode: scale_to_zero, count: {max: 2}")


def test_each_change_is_checked_before_the_proxy_has_its_new_version(
    steady: Template, sleeping: tuple[Template, Template]
) -> None:
    for template in (steady, sleeping[0]):
        ((check, resource),) = resources(template, "Custom::EndpointCheck").items()
        asked = resource["Properties"]
        (config,) = resources(template, CONFIG)
        (model,) = resources(template, "AWS::SageMaker::Model")
        assert asked["Config"] == {"Fn::GetAtt": [config, "EndpointConfigName"]}
        assert asked["Model"] == {"Fn::GetAtt": [model, "ModelName"]}
        assert asked["LogDays"] == "90"
        assert check in only(template, "AWS::Lambda::Version")["DependsOn"]


def test_a_component_is_there_before_it_is_checked(sleeping: tuple[Template, Template]) -> None:
    template, _ = sleeping
    (component,) = resources(template, "AWS::SageMaker::InferenceComponent")
    (resource,) = resources(template, "Custom::EndpointCheck").values()
    assert component in resource["DependsOn"]


def test_the_check_may_look_and_bound_the_log_and_nothing_else(steady: Template) -> None:
    looks = [it["Action"] for it in statements(steady, "sagemaker:DescribeEndpoint")]
    assert ["sagemaker:DescribeEndpoint"] in looks
    (bounds,) = statements(steady, "logs:PutRetentionPolicy")
    assert "/aws/sagemaker/Endpoints/" in json.dumps(bounds["Resource"])
    assert only(steady, FUNCTION, **CHECK)["Properties"]["Timeout"] == 900
