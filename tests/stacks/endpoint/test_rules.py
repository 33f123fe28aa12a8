"""What breaks a rule of endpoints fails the synthesis, and what we make breaks none."""

from typing import Any

import pytest
from aws_cdk import App, Aspects, Stack
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.assertions import Annotations, Match

from lading.stacks.endpoint.rules import EndpointRules
from tests.stacks.projects import IMAGE

Config, Model = sagemaker.CfnEndpointConfig, sagemaker.CfnModel
PLACE = f"s3://artifacts/models/chat/sha256/{'e' * 64}/"


def model(stack: Stack, image: str = IMAGE, place: str = PLACE, **changes: Any) -> None:
    source = Model.S3DataSourceProperty(
        s3_uri=place, s3_data_type="S3Prefix", compression_type="None"
    )
    container = Model.ContainerDefinitionProperty(
        image=image, model_data_source=Model.ModelDataSourceProperty(s3_data_source=source)
    )
    stated = {"enable_network_isolation": True, **changes}
    Model(stack, "It", primary_container=container, **stated)


def config(
    stack: Stack, instance: str = "ml.g5.xlarge", name: str = "main", **changes: Any
) -> None:
    variant = Config.ProductionVariantProperty(
        variant_name=name,
        instance_type=instance,
        initial_instance_count=1,
        model_name=changes.pop("model_name", "chat"),
    )
    Config(stack, "It", production_variants=[variant], **changes)


def component(stack: Stack, **changes: Any) -> None:
    kind = sagemaker.CfnInferenceComponent
    step = changes.pop("step", ("CAPACITY_PERCENT", 50))
    rolls = kind.InferenceComponentDeploymentConfigProperty(
        rolling_update_policy=kind.InferenceComponentRollingUpdatePolicyProperty(
            maximum_batch_size=kind.InferenceComponentCapacitySizeProperty(
                type=step[0], value=step[1]
            )
        )
    )
    stated = {"deployment_config": rolls, "inference_component_name": "chat", **changes}
    sagemaker.CfnInferenceComponent(stack, "It", endpoint_name="chat", **stated)


def endpoint(stack: Stack, **changes: Any) -> None:
    sagemaker.CfnEndpoint(stack, "It", endpoint_config_name="config", **changes)


def errors(make: Any, changes: dict[str, Any]) -> list[str]:
    stack = Stack(App(), "ruled")
    make(stack, **changes)
    Aspects.of(stack).add(EndpointRules())
    found = Annotations.from_stack(stack).find_error("*", Match.any_value())
    return [str(entry.entry.data) for entry in found]


@pytest.mark.parametrize(
    ("make", "changes", "rule"),
    [
        (model, {"model_name": "chat"}, "Model1"),
        (model, {"image": "public.ecr.aws/x/vllm:1"}, "Model2"),
        (model, {"place": "s3://artifacts/models/chat/latest/"}, "Model3"),
        (model, {"enable_network_isolation": None}, "Model4"),
        (config, {"endpoint_config_name": "chat"}, "Config1"),
        (config, {"name": "AllTraffic"}, "Config2"),
        (config, {"instance": "ml.m5.xlarge"}, "Config3"),
        (config, {"kms_key_id": "key"}, "Config4"),
        (config, {"model_name": None}, "Config5"),
        (endpoint, {"endpoint_name": "chat"}, "Endpoint1"),
        (component, {"inference_component_name": None}, "Component1"),
        (component, {"inference_component_name": "Chat"}, "Component1"),
        (component, {"deployment_config": None}, "Component2"),
        (component, {"step": ("COPY_COUNT", 1)}, "Component3"),
        (component, {"step": ("CAPACITY_PERCENT", 51)}, "Component3"),
    ],
)
def test_what_breaks_a_rule_is_an_error(make: Any, changes: dict[str, Any], rule: str) -> None:
    (told,) = errors(make, changes)
    assert told.startswith(f"Lading-{rule}: ")


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (model, {}),
        (config, {}),
        (config, {"instance": "ml.m5.xlarge", "kms_key_id": "key"}),
        (config, {"model_name": None, "enable_network_isolation": True}),
        (endpoint, {}),
        (component, {}),
    ],
)
def test_what_keeps_the_rules_is_none(make: Any, changes: dict[str, Any]) -> None:
    assert errors(make, changes) == []
