"""A function on managed instances: its template, also against botocore's parameters."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk.assertions import Template
from botocore.session import get_session
from botocore.validate import ParamValidator

from tests.stacks.managed import PLACE, managed_template
from tests.stacks.policies import Resolved
from tests.stacks.synthesis import only, resources

FUNCTION = {"FunctionName": "lading-dev-model-digits"}
GPU = f"instances: [g6.xlarge], gpu_memory_gb: 24, {PLACE}"
PLAIN = f"instances: [m7i.xlarge], memory_mb: 8192, environments: {{min: 1, max: 4}}, {PLACE}"
ARN = "arn:aws:lambda:eu-central-1:000000000000:capacity-provider:ours"


@pytest.fixture(scope="module")
def gpu(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return managed_template(tmp_path_factory.mktemp("gpu"), GPU)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return managed_template(tmp_path_factory.mktemp("plain"), PLAIN)


def function(template: Template) -> dict[str, Any]:
    return dict(only(template, "AWS::Lambda::Function", **FUNCTION)["Properties"])


def provider(template: Template) -> dict[str, Any]:
    return dict(only(template, "AWS::Lambda::CapacityProvider")["Properties"])


def hosts(template: Template) -> dict[str, Any]:
    (found,) = function(template)["CapacityProviderConfig"].values()
    return dict(found)


def test_a_plain_function_keeps_its_layers_and_has_a_process_for_each_vcpu(plain: Template) -> None:
    served = function(plain)
    assert (served["Runtime"], len(served["Layers"]), served["MemorySize"]) == (
        "python3.13",
        2,
        8192,
    )
    assert "AcceleratorConfig" not in served
    assert hosts(plain)["PerExecutionEnvironmentMaxConcurrency"] == 2
    assert served["Environment"]["Variables"]["LADING_THREADS"] == "1"


def test_no_snapshot_and_no_reserved_concurrency_are_asked_for(plain: Template) -> None:
    assert {"SnapStart", "ReservedConcurrentExecutions"}.isdisjoint(function(plain))


def test_each_version_keeps_its_environments_and_has_the_alias_of_any_model(
    plain: Template,
) -> None:
    version = only(plain, "AWS::Lambda::Version")["Properties"]
    assert version["FunctionScalingConfig"] == {
        "MinExecutionEnvironments": 1,
        "MaxExecutionEnvironments": 4,
    }
    assert only(plain, "AWS::Lambda::Alias")["Properties"]["Name"] == "live"
    assert resources(plain, "AWS::CodeDeploy::DeploymentGroup")


def test_hosts_are_of_the_types_that_the_stage_names_and_enough_for_two_versions(
    gpu: Template, plain: Template
) -> None:
    assert provider(gpu)["InstanceRequirements"]["AllowedInstanceTypes"] == ["g6.xlarge"]
    scaling = [provider(each)["CapacityProviderScalingConfig"] for each in (gpu, plain)]
    assert [each["MaxVCpuCount"] for each in scaling] == [2 * 3 * 4, 2 * 1 * 4]
    assert [each["ScalingMode"] for each in scaling] == ["Manual", "Auto"]


def test_a_gpu_is_for_an_image_whose_model_is_read_from_s3(gpu: Template) -> None:
    served = function(gpu)
    assert served["AcceleratorConfig"] == {"AcceleratorMemorySize": 24}
    assert (served["PackageType"], served["Architectures"]) == ("Image", ["x86_64"])
    assert {"Layers", "Handler", "Runtime"}.isdisjoint(served)
    variables = served["Environment"]["Variables"]
    models = json.loads(Resolved(gpu.to_json()).value(variables["LADING_MODELS"]))
    assert models["digits"]["s3"]["3"]["version_id"] == "v1"


def test_another_gpu_is_another_version(gpu: Template, tmp_path: Path) -> None:
    other = managed_template(tmp_path, GPU.replace("24", "48"))
    versions = [set(resources(each, "AWS::Lambda::Version")) for each in (gpu, other)]
    assert versions[0].isdisjoint(versions[1])


def test_an_image_of_ones_own_is_named_by_its_digest(tmp_path: Path) -> None:
    image = f"000000000000.dkr.ecr.eu-central-1.amazonaws.com/ours@sha256:{'a' * 64}"
    template = managed_template(tmp_path, f"{GPU}, image: '{image}'")
    assert f"@sha256:{'a' * 64}" in json.dumps(function(template)["Code"])


def test_a_provider_of_ones_own_is_used_and_not_created(tmp_path: Path) -> None:
    template = managed_template(tmp_path, f"provider: '{ARN}'")
    assert hosts(template)["CapacityProviderArn"] == ARN
    assert resources(template, "AWS::Lambda::CapacityProvider") == {}


def test_an_emulated_account_gets_a_plain_function(tmp_path: Path) -> None:
    template = managed_template(tmp_path, GPU, in_s3=False, local=True)
    assert resources(template, "AWS::Lambda::CapacityProvider") == {}
    served = function(template)
    assert {"CapacityProviderConfig", "AcceleratorConfig", "PackageType"}.isdisjoint(served)
    assert len(served["Layers"]) == 2


@pytest.mark.parametrize("kind", ["gpu", "plain"])
def test_the_service_accepts_what_the_template_states(kind: str, request: Any) -> None:
    """CloudFormation passes these properties on; botocore has the shapes of the service."""
    template = request.getfixturevalue(kind)
    service = get_session().get_service_model("lambda")
    created = json.loads(json.dumps(function(template)).replace('{"Fn::GetAtt"', '{"Ref"'))
    stated = {
        "AcceleratorConfig": created.get("AcceleratorConfig", {"AcceleratorMemorySize": 3}),
        "CapacityProviderConfig": {
            "LambdaManagedInstancesCapacityProviderConfig": {
                **hosts(template),
                "CapacityProviderArn": ARN,
            }
        },
        "MemorySize": created["MemorySize"],
        "FunctionName": created["FunctionName"],
        "Role": "arn:aws:iam::000000000000:role/ours",
        "Code": {},
    }
    _require_valid(stated, service.operation_model("CreateFunction").input_shape)
    own = provider(template)
    role = {"CapacityProviderOperatorRoleArn": "arn:aws:iam::000000000000:role/ours"}
    own |= {"PermissionsConfig": role, "Tags": {}}
    _require_valid(own, service.operation_model("CreateCapacityProvider").input_shape)
    for policy in own["CapacityProviderScalingConfig"].get("ScalingPolicies", []):
        metrics = cast("Any", service.shape_for("CapacityProviderPredefinedMetricType")).enum
        assert policy["PredefinedMetricType"] in metrics


def _require_valid(parameters: dict[str, Any], shape: Any) -> None:
    assert set(parameters) <= set(shape.members)
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()


def test_one_rule_of_cfn_lint_is_left_out_for_the_function_alone(gpu: Template) -> None:
    found = gpu.to_json()["Resources"].values()
    ignoring = [each for each in found if "E3002" in json.dumps(each.get("Metadata", {}))]
    assert [it["Properties"]["FunctionName"] for it in ignoring] == ["lading-dev-model-digits"]
