"""Which stacks there are, and which settings make none."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Template

from lading.stacks.composition import add_stacks
from lading.stacks.errors import SettingsError, StackError
from lading.stacks.plan.apis import MOST_MODELS
from lading.stacks.stages.settings import Names
from lading.stacks.stages.target import architecture_here
from tests.stacks.projects import local_artifact, locked, s3_copy, served_by_engine, write_project
from tests.stacks.synthesis import ROOT, make_app, resources, synthesise


def ids(folder: Path, **asked: Any) -> list[str]:
    return [
        stack.node.id
        for region in synthesise(folder, **asked)
        for stack in (region.artifacts, *region.models)
    ]


def test_each_model_has_a_stack_of_its_own(tmp_path: Path) -> None:
    write_project(tmp_path, {name: locked(s3_copy(name)) for name in ("a", "b.1")})
    found = ids(tmp_path)
    assert found[:2] == ["lading-dev-artifacts", "lading-dev-model-a"]
    assert found[2].startswith("lading-dev-model-b-1-")


def test_a_models_stack_is_found_in_the_account_by_its_description(tmp_path: Path) -> None:
    write_project(tmp_path, {name: locked(s3_copy(name)) for name in ("a", "b.1")})
    (region,) = synthesise(tmp_path)
    names = Names("lading", "dev")
    deployed = [(stack.stack_name, _description(stack)) for stack in region.models]
    assert [names.described_model(*each) for each in deployed] == ["a", "b.1"]
    assert names.described_model(*deployed[0][:1], _description(region.artifacts)) is None
    for other in (Names("lading", "prod"), Names("scores", "dev")):
        assert all(other.described_model(*each) is None for each in deployed)


def _description(stack: Stack) -> str:
    return stack.template_options.description or ""


def test_each_region_has_its_own_stacks_of_the_same_names(tmp_path: Path) -> None:
    buckets = "{eu-central-1: artifacts-of-dev, us-east-1: artifacts-of-dev}"
    stages = (
        "service: scores\n"
        f"stages: {{live: {{regions: [eu-central-1, us-east-1], artifact_buckets: {buckets}}}}}"
    )
    write_project(tmp_path, {"digits": locked(s3_copy("digits"))}, stages)
    regions = synthesise(tmp_path, stage="live")
    assert [region.models[0].region for region in regions] == ["eu-central-1", "us-east-1"]
    assert {region.models[0].stack_name for region in regions} == {"scores-live-model-digits"}
    assert regions[1].artifacts.node.id == "scores-live-artifacts-us-east-1"


def test_what_an_account_has_once_is_named_differently_in_each_region(tmp_path: Path) -> None:
    buckets = "{eu-central-1: artifacts-of-dev, us-east-1: artifacts-of-dev}"
    chat = "{sagemaker: {instances: [ml.g5.xlarge]}}"
    stages = (
        f"stages: {{prod: {{regions: [eu-central-1, us-east-1], artifact_buckets: {buckets}, "
        f"models: {{chat: {chat}}}}}}}"
    )
    lock = {"chat": served_by_engine("chat"), "small": locked(s3_copy("small"))}
    write_project(tmp_path, lock, stages, chat={"target": "sagemaker", "twin": "small"})
    app = make_app(tmp_path, stage="prod")
    add_stacks(app, ROOT)
    named = Counter(
        resource["Properties"][key]
        for path in Path(app.synth().directory).glob("*.template.json")
        for resource in json.loads(path.read_bytes())["Resources"].values()
        for key in ("DashboardName", "RoleName", "ManagedPolicyName", "BucketName")
        if key in resource["Properties"]
    )
    parts = (
        "lading-prod{}-service",
        "lading-prod{}-operations",
        "lading-prod-model-chat{}-endpoint",
    )
    regions = ("-eu-central-1", "-us-east-1")
    assert named == Counter(part.format(region) for part in parts for region in regions)


def test_a_model_that_is_not_deployed_is_told_of(tmp_path: Path) -> None:
    write_project(tmp_path, None)
    (region,) = synthesise(tmp_path)
    (told,) = [entry.data for entry in region.artifacts.node.metadata if "info" in entry.type]
    assert "model 'digits' is not deployed: it is not packaged yet" in str(told)


def test_an_unknown_region_is_guessed(tmp_path: Path) -> None:
    write_project(tmp_path, None, "stages: {dev: {regions: [eu-cntral-1]}}")
    with pytest.raises(SettingsError, match="there is no region 'eu-cntral-1'; did you mean 'eu-c"):
        synthesise(tmp_path)


def test_an_unknown_stage_is_guessed(tmp_path: Path) -> None:
    write_project(tmp_path, None)
    with pytest.raises(SettingsError, match="there is no stage 'prd'; did you mean 'prod'"):
        synthesise(tmp_path, stage="prd")


def test_a_missing_artifact_is_said_before_any_stack_is_made(tmp_path: Path) -> None:
    entry = local_artifact(tmp_path, "digits")
    (tmp_path / "store/models/digits/3/artifact.json").unlink()
    write_project(tmp_path, {"digits": entry})
    with pytest.raises(StackError, match=r"artifact\.json is missing; run `lading package`"):
        synthesise(tmp_path)


def test_a_stage_of_two_apis_stays_within_the_limits_of_a_stack_and_of_an_api(
    tmp_path: Path,
) -> None:
    # The front function's environment has room for this many long names, and for 80 short ones.
    names = [f"{'a.long.name.' * 4}{number:02}" for number in range(33)]
    stages = "stages: {prod: {auth: token}}"
    write_project(tmp_path, {name: locked(s3_copy(name)) for name in names}, stages)
    app = make_app(tmp_path, stage="prod")
    (region,) = add_stacks(app, ROOT)
    assert (len(region.models), len(region.apis)) == (33, 2)
    templates = list(Path(app.synth().directory).glob("*.template.json"))
    assert len(templates) == 1 + 33 + 2
    for template in templates:
        content = template.read_bytes()
        kinds = [resource["Type"] for resource in json.loads(content)["Resources"].values()]
        # The first API has 30 of the models.
        times = MOST_MODELS / 30 if template.name == "lading-prod-api.template.json" else 1
        assert len(kinds) <= 500
        assert kinds.count("AWS::ApiGateway::Resource") * times < 300
        assert len(content) <= 1 << 20
        # So many models fit the front function only if their names are short.
        short = content.replace(b"a.long.name." * 4, b"name")
        assert len(short) * times <= 1 << 20


def runtime_layer(folder: Path, **asked: Any) -> str:
    """The key of the runtime layer's asset, which is a digest of what it is built from."""
    (region,) = synthesise(folder, **asked)
    layers = resources(Template.from_stack(region.models[0]), "AWS::Lambda::LayerVersion").values()
    (key,) = (
        layer["Properties"]["Content"]["S3Key"]
        for layer in layers
        if layer["Properties"]["Description"] == "Lading: packages of the service"
    )
    return str(key)


@pytest.mark.skipif(architecture_here() != "x86_64", reason="the stage is for x86_64")
def test_an_emulated_account_with_lambdas_python_gets_the_layer_that_would_be_deployed(
    tmp_path: Path,
) -> None:
    write_project(tmp_path, {"digits": local_artifact(tmp_path, "digits")})
    deployed = runtime_layer(tmp_path)
    assert runtime_layer(tmp_path, local=True, lambda_layers="true") == deployed
    assert runtime_layer(tmp_path, local=True) != deployed
