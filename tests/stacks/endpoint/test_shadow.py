"""A version in the shadow of another one at the same endpoint."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from lading.stacks.errors import StackError
from tests.stacks.option_matrix import two_engines
from tests.stacks.projects import locked, s3_copy, write_project
from tests.stacks.synthesis import only, resources, statements, synthesise

STAGES = """
stages:
  dev:
    regions: [eu-central-1]
    models:
      chat:
        shadow: {version: 4, percent: 25}
        sagemaker: {instances: [ml.g5.xlarge], %s}
"""


def template(folder: Path, settings: str = "count: {min: 2, max: 2}") -> Template:
    lock = {"chat": two_engines("chat"), "small": locked(s3_copy("small"))}
    write_project(folder, lock, STAGES % settings, chat={"target": "sagemaker"})
    (region,) = synthesise(folder)
    return Template.from_stack(region.models[0])


@pytest.fixture(scope="module")
def shadowed(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template(tmp_path_factory.mktemp("shadow"))


def test_there_is_one_production_and_one_shadow_variant_with_its_share(shadowed: Template) -> None:
    config = only(shadowed, "AWS::SageMaker::EndpointConfig")["Properties"]
    (production,) = config["ProductionVariants"]
    (shadow,) = config["ShadowProductionVariants"]
    assert (production["VariantName"], production["InitialInstanceCount"]) == ("main", 2)
    assert (shadow["VariantName"], shadow["InitialInstanceCount"]) == ("shadow", 1)
    assert shadow["InitialVariantWeight"] == 0.25
    assert shadow["ModelName"] != production["ModelName"]
    versions = {
        model["Properties"]["PrimaryContainer"]["Environment"]["LADING_MODEL_VERSION"]
        for model in resources(shadowed, "AWS::SageMaker::Model").values()
    }
    assert versions == {"3", "4"}


def test_answers_and_no_requests_are_captured_encrypted_below_both_versions(
    shadowed: Template,
) -> None:
    config = only(shadowed, "AWS::SageMaker::EndpointConfig")["Properties"]
    capture = config["DataCaptureConfig"]
    assert capture["CaptureOptions"] == [{"CaptureMode": "Output"}]
    assert (capture["EnableCapture"], capture["InitialSamplingPercentage"]) == (True, 100)
    assert json.dumps(capture["DestinationS3Uri"]).endswith('"/captures/3-4"]]}')
    assert "KmsKeyId" in capture
    (write,) = (
        it
        for it in statements(shadowed, "s3:PutObject")
        if "captures" in json.dumps(it["Resource"])
    )
    assert "/captures/3-4/*" in json.dumps(write["Resource"])


def test_the_function_gives_each_request_an_id_and_no_other_function_is_created(
    shadowed: Template,
) -> None:
    functions = resources(shadowed, "AWS::Lambda::Function").values()
    named: dict[str, Any] = {it["Properties"].get("FunctionName"): it for it in functions}
    variables = named["lading-dev-model-chat"]["Properties"]["Environment"]["Variables"]
    assert variables["LADING_ENDPOINT_CAPTURED"] == "captures/3-4/"
    assert "LADING_SHADOW" not in variables
    assert "lading-dev-shadow-chat" not in named


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("mode: scale_to_zero", "SageMaker has no shadow variants with mode scale_to_zero"),
        ("mode: async", "SageMaker has no shadow variants with mode async"),
        (
            "count: {min: 2, max: 2}, update: {policy: rolling}",
            "by update.policy rolling; use canary, linear or all_at_once",
        ),
    ],
    ids=["components", "queue", "rolling"],
)
def test_what_sagemaker_cannot_shadow_is_refused_with_the_reason(
    tmp_path: Path, settings: str, reason: str
) -> None:
    with pytest.raises(StackError, match=reason):
        template(tmp_path, settings)
