"""What a stage costs is counted as its templates have it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from lading.stacks.composition import add_stacks
from lading.stacks.plan.costs import count_parts
from lading.stacks.stages.settings import load_deployment
from tests.stacks.option_matrix import ENDPOINTS, write_matrix
from tests.stacks.synthesis import ROOT, make_app

HOURS = {"ml.g5.xlarge": 1.0, "ml.m5.xlarge": 0.5, "g6.xlarge": 0.8, "g6.2xlarge": 1.0}
MODELS = (*ENDPOINTS, "hosted", "layered", "big")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_matrix(folder, *MODELS)
    return folder


@pytest.fixture(scope="module")
def found(project: Path) -> list[dict[str, Any]]:
    """The resources of production in one of its regions."""
    app = make_app(project, stage="prod")
    region = add_stacks(app, ROOT)[0]
    stacks = (region.artifacts, *region.models, *region.apis)
    return [
        resource
        for stack in stacks
        for resource in Template.from_stack(stack).to_json()["Resources"].values()
    ]


def of(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in found if each["Type"] == f"AWS::{kind}"]


def metrics(alarm: dict[str, Any]) -> int:
    return sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1


def test_a_stage_with_everything_is_counted_part_by_part_as_in_its_templates(
    project: Path, found: list[dict[str, Any]]
) -> None:
    targets = dict.fromkeys(ENDPOINTS, "sagemaker") | {"hosted": "lambda-managed"}
    targets |= {"layered": "lambda", "big": "lambda"}
    deployment = load_deployment(project / "stages.yaml", "prod")
    parts = count_parts(deployment, targets, HOURS)
    started = [each for each in of(found, "Lambda::Function") if "SnapStart" in each]
    assert parts.snapshot_gb == sum(each["MemorySize"] / 1024 for each in started)
    assert parts.alarm_metrics == sum(map(metrics, of(found, "CloudWatch::Alarm")))
    assert parts.dashboards == len(of(found, "CloudWatch::Dashboard"))
    assert parts.keys == len(of(found, "KMS::Key"))
    (firewall,) = of(found, "WAFv2::WebACL")
    assert parts.firewall_rules == len(firewall["Rules"])
    assert parts.tables == len(of(found, "DynamoDB::Table"))
    assert parts.models == len(of(found, "Lambda::Alias"))
    variants = {
        each["ProductionVariants"][0]["InitialInstanceCount"]
        for each in of(found, "SageMaker::EndpointConfig")
    }
    assert variants == {1, 2}
    assert parts.instances_hour == 2 * 1.0  # steady; the others may have no instance
    assert parts.hosts_hour == 1 * 1.0  # the dearest type that Lambda may choose
    assert (parts.authorizer, deployment.settings.auth) == (0.0, "iam")


def test_tokens_are_checked_for_each_request_unless_the_gateway_caches(project: Path) -> None:
    cached = load_deployment(project / "stages.yaml", "tokens")
    assert count_parts(cached, {}, {}).authorizer == 0.0
    settings = cached.settings.model_copy(update={"authorizer_cache_s": 0})

    assert count_parts(replace(cached, settings=settings), {}, {}).authorizer == 1.0


def test_authorizer_front_and_traces_are_counted_where_the_templates_have_them(
    tmp_path: Path,
) -> None:
    write_matrix(tmp_path, *MODELS, "again", "folder")
    deployment = load_deployment(tmp_path / "stages.yaml", "tokens")
    region = add_stacks(make_app(tmp_path, stage="tokens"), ROOT)[0]
    (api,) = region.apis
    resources = [*Template.from_stack(api).to_json()["Resources"].values()]
    targets = dict.fromkeys(MODELS, "lambda")
    parts = count_parts(deployment, targets, HOURS)
    (authorizer,) = of(resources, "ApiGateway::Authorizer")
    assert authorizer["AuthorizerResultTtlInSeconds"] > 0
    assert parts.authorizer == 0.0  # API Gateway keeps the answers
    helpers = [str(each["FunctionName"]) for each in of(resources, "Lambda::Function")]
    assert [name.rpartition("-")[2] for name in helpers] == [
        "authorizer",
        "front",
        "pages",
        "drift",
    ]
    (stage,) = of(resources, "ApiGateway::Stage")
    assert stage["TracingEnabled"]
    assert not any(each["MetricsEnabled"] for each in stage["MethodSettings"])
    (layered,) = (each for each in region.models if each.stack_name.endswith("layered"))
    of_model = Template.from_stack(layered).to_json()["Resources"]
    (alias,) = of([*of_model.values()], "Lambda::Alias")
    function = of_model[alias["FunctionName"]["Ref"]]["Properties"]
    kept = alias["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"]
    assert kept == 2
    assert parts.provisioned_gb == kept * function["MemorySize"] / 1024
