"""The stack of a model on SageMaker: endpoint, proxy, check, and what each may do."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.stacks.endpoints import stacks
from tests.stacks.synthesis import only, resources, statements

PROXY = {"FunctionName": "lading-dev-model-chat"}
CHECK = {"FunctionName": "lading-dev-endpoint-chat"}
ALARM, FUNCTION = "AWS::CloudWatch::Alarm", "AWS::Lambda::Function"
ENDPOINT, CONFIG = "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Template:
    settings = "count: {min: 2, max: 4}, update: {alarms: [mine]}"
    return stacks(tmp_path_factory.mktemp("steady"), settings)[0]


@pytest.fixture(scope="module")
def sleeping(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, Template]:
    return stacks(tmp_path_factory.mktemp("sleeping"), "mode: scale_to_zero, count: {max: 2}")


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return stacks(tmp_path_factory.mktemp("queued"), "mode: async, count: {max: 2}")[0]


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, Template]:
    folder = tmp_path_factory.mktemp("emulated")
    return stacks(folder, "mode: steady", local=True, sagemaker_runtime="http://127.0.0.1:9")


def proxy(template: Template) -> dict[str, Any]:
    return dict(only(template, FUNCTION, **PROXY)["Properties"])


def variables(template: Template) -> dict[str, Any]:
    return dict(proxy(template)["Environment"]["Variables"])


def test_the_proxys_layer_has_the_small_half_of_the_artifact(steady: Template) -> None:
    layers = [
        it["Properties"]["Content"]
        for it in resources(steady, "AWS::Lambda::LayerVersion").values()
    ]
    assert "models/chat/3/artifact.zip" in {it.get("S3Key") for it in layers}


def test_the_proxy_asks_its_own_endpoint_and_its_own_twin(steady: Template) -> None:
    (asked,) = statements(steady, "sagemaker:InvokeEndpoint")
    (endpoint,) = resources(steady, ENDPOINT)
    assert set(asked["Action"]) == {
        "sagemaker:DescribeEndpoint",
        "sagemaker:InvokeEndpoint",
        "sagemaker:InvokeEndpointWithResponseStream",
    }
    assert asked["Resource"] == {"Ref": endpoint}
    twins = [it for it in statements(steady, "lambda:InvokeFunction") if "small" in str(it)]
    assert [str(it["Resource"]).count("lading-dev-model-small:live") for it in twins] == [1]


def test_the_proxy_runs_jobs_in_versions_of_itself_alone(steady: Template) -> None:
    own = [it["Resource"] for it in statements(steady, "lambda:InvokeFunction")]
    named = [it for it in map(json.dumps, own) if ":function:lading-dev-model-chat:*" in it]
    assert len(named) == 1


def test_a_component_is_asked_and_described_by_its_own_name(
    sleeping: tuple[Template, Template],
) -> None:
    template, _ = sleeping
    (component,) = resources(template, "AWS::SageMaker::InferenceComponent")
    (asked,) = statements(template, "sagemaker:InvokeEndpoint")
    assert {"Fn::GetAtt": [component, "InferenceComponentArn"]} in asked["Resource"]
    assert variables(template)["LADING_ENDPOINT_COMPONENT"] == "lading-dev-chat"


def test_a_queue_is_asked_asynchronously_alone_and_not_for_golden_answers(queued: Template) -> None:
    (asked,) = statements(queued, "sagemaker:InvokeEndpointAsync")
    assert set(asked["Action"]) == {"sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpointAsync"}
    assert not statements(queued, "sagemaker:InvokeEndpoint")
    hook = only(queued, FUNCTION, FunctionName="lading-dev-check-chat")["Properties"]
    assert hook["Environment"]["Variables"]["LADING_GOLDEN"] == ""


def test_golden_answers_come_through_the_proxy_and_may_have_to_wake_it(steady: Template) -> None:
    hook = only(steady, FUNCTION, FunctionName="lading-dev-check-chat")["Properties"]
    golden = hook["Environment"]["Variables"]["LADING_GOLDEN"]
    assert (golden, hook["Timeout"]) == ("/opt/models/chat/3/golden.json", 900)


def test_a_version_that_rings_can_be_replaced_without_rollback(tmp_path: Path) -> None:
    template, _ = stacks(tmp_path, "update: {rollback: false}")
    assert (
        "AutoRollbackConfiguration"
        not in only(template, ENDPOINT)["Properties"]["DeploymentConfig"]
    )
    assert not statements(template, "cloudwatch:DescribeAlarms")[1:]


def names(template: Template) -> set[str]:
    alarms = resources(template, ALARM).values()
    return {it["Properties"]["AlarmName"].removeprefix("lading-dev-model-chat-") for it in alarms}


def test_the_api_streams_answers_of_the_proxy_and_of_no_other_model(
    sleeping: tuple[Template, Template],
) -> None:
    _, api = sleeping
    found = [
        it["Properties"]["Integration"] for it in resources(api, "AWS::ApiGateway::Method").values()
    ]
    streamed = [it for it in found if it.get("ResponseTransferMode") == "STREAM"]
    assert len(streamed) == 2
    for integration in streamed:
        assert integration["TimeoutInMillis"] == 300_000
        uri = json.dumps(integration["Uri"])
        assert "2021-11-15" in uri
        assert "lading-dev-model-chat:live/response-streaming-invocations" in uri
    assert any("lading-dev-model-small:live/invocations" in json.dumps(it["Uri"]) for it in found)


def test_the_emulated_cloud_has_the_proxy_and_its_jobs_alone(
    emulated: tuple[Template, Template],
) -> None:
    template, api = emulated
    kinds = {it["Type"] for it in template.to_json()["Resources"].values()}
    assert not {it for it in kinds if "SageMaker" in it or "AutoScaling" in it}
    assert "Custom::EndpointCheck" not in kinds
    told = variables(template)
    assert told["LADING_ENDPOINT"] == "lading-dev-model-chat"
    assert told["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] == "http://127.0.0.1:9"
    assert proxy(template)["Handler"] == "lading.functions.inference.entry.lambda_handler.handler"
    assert "STREAM" not in json.dumps(api.to_json())
