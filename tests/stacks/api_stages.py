"""The API's stack in every kind of stage, and what tests read of its template."""

import json
import os
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

os.environ.setdefault("JSII_NODE", str(Path(sys.executable).parent / "node"))

import pytest
from aws_cdk import App, Validations
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from lading.stacks.api_stack import ApiStack
from lading.stacks.build.lambda_code import LambdaCode
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.logged_function import StageFunctions
from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.plan.apis import plan_apis
from lading.stacks.stages.domain import CustomDomain
from lading.stacks.stages.drift import DriftSettings
from lading.stacks.stages.settings import (
    Alarms,
    Deployment,
    Names,
    Quota,
    StageSettings,
    TenantPlan,
)
from lading.stacks.stages.target import lambda_target

ROOT = Path(__file__).parents[2]
NAMES = ("digits", "iris.v2")
DOMAIN = CustomDomain(
    name="ml.example.com",
    certificate_arn="arn:aws:acm:eu-west-1:000000000000:certificate/one",
    hosted_zone_id="Z1",
    hosted_zone_name="example.com",
)
STAGES = {
    "prod": Deployment(
        Names("lading", "prod"),
        StageSettings(auth="token", domain=DOMAIN, alarms=Alarms(email="team@example.com")),
    ),
    "dev": Deployment(Names("lading", "dev")),
    "second": Deployment(
        Names("lading", "second"),
        StageSettings(
            regions=("eu-central-1", "eu-west-1"),
            domain=CustomDomain(
                name="ml.example.com",
                certificates={
                    region: f"arn:aws:acm:{region}:000000000000:certificate/one"
                    for region in ("eu-central-1", "eu-west-1")
                },
                hosted_zone_id="Z1",
            ),
        ),
    ),
    "cached": Deployment(
        Names("lading", "cached"),
        StageSettings(
            auth="token",
            authorizer_cache_s=60,
            drift=DriftSettings(every_minutes=60, psi=0.2),
            tenants={"acme": TenantPlan(rate=5, burst=9, quota=Quota(requests=1000, per="day"))},
            domain=CustomDomain(
                name="shared.example.com",
                certificate_arn="arn:aws:acm:eu-west-1:000000000000:certificate/two",
                base_path="ml",
            ),
        ),
    ),
    "local": Deployment(Names("lading", "local"), StageSettings(auth="token"), local=True),
    "open": Deployment(Names("lading", "open"), StageSettings(auth="none")),
    "pages": Deployment(
        Names("lading", "pages"), StageSettings(auth="token", cors=("https://a.example",))
    ),
    "shown": Deployment(Names("lading", "shown"), StageSettings(auth="token", pages=True)),
    "everywhere": Deployment(
        Names("lading", "everywhere"), StageSettings(cors=("https://a.example", "http://b.example"))
    ),
}


def add_stack(app: App, deployment: Deployment) -> None:
    names = deployment.names
    models = [
        WatchedModel(name, names.function(name), error_rate=0.01, p99_ms=700) for name in NAMES
    ]
    apis = plan_apis(models, names)
    shared = StageFunctions(CodeAssets(LambdaCode(ROOT, lambda_target())), "x86_64", 90)
    ApiStack(
        app,
        deployment.stage,
        deployment=deployment,
        region="eu-west-1",
        apis=apis,
        api=apis[0],
        shared=shared,
    )


@pytest.fixture(scope="session")
def api_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of templates, and of the rules' report."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    folder = Path(mkdtemp(dir=tmp_path_factory.mktemp("api")))
    app = App(context={**flags, "aws:cdk:bundling-stacks": []}, outdir=str(folder))
    for deployment in STAGES.values():
        add_stack(app, deployment)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    with pytest.raises(RuntimeError, match="AwsSolutions-APIG4"):  # the open stage's
        app.synth()
    return folder


@pytest.fixture(scope="session")
def stage(api_assembly: Path) -> Any:
    """Stage's name -> template."""

    @cache
    def template(name: str) -> Template:
        return Template.from_json(json.loads((api_assembly / f"{name}.template.json").read_text()))

    return template


def only(template: Template, kind: str, **properties: Any) -> dict[str, Any]:
    (found,) = template.find_resources(kind, {"Properties": properties}).values()
    return dict(found["Properties"])


def paths(template: Template) -> dict[str, dict[str, Any]]:
    """Path -> its method for whatever is asked."""
    resources = template.find_resources("AWS::ApiGateway::Resource")

    def path(reference: dict[str, Any]) -> str:
        if "Ref" not in reference:
            return ""
        properties = resources[reference["Ref"]]["Properties"]
        return f"{path(properties['ParentId'])}/{properties['PathPart']}"

    methods = template.find_resources("AWS::ApiGateway::Method").values()
    return {
        path(it["Properties"]["ResourceId"]) or "/": it["Properties"]
        for it in methods
        if it["Properties"]["HttpMethod"] == "ANY"
    }


def text(value: Any) -> str:
    return json.dumps(value)


def findings(assembly: Path) -> set[tuple[str, str]]:
    """Rule and stage of each finding that nobody acknowledged."""
    report = json.loads((assembly / "validation-report.json").read_text())
    return {
        (violation["ruleName"], construct["constructPath"].split("/")[0])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }


def preflights(template: Template) -> list[dict[str, Any]]:
    """The methods that answer what browsers ask first."""
    methods = template.find_resources("AWS::ApiGateway::Method").values()
    return [it["Properties"] for it in methods if it["Properties"]["HttpMethod"] == "OPTIONS"]


def readable_by(template: Template) -> set[str | None]:
    """From where each of the gateway's own answers may be read."""
    responses = template.find_resources("AWS::ApiGateway::GatewayResponse").values()
    header = "gatewayresponse.header.access-control-allow-origin"
    return {it["Properties"].get("ResponseParameters", {}).get(header) for it in responses}
