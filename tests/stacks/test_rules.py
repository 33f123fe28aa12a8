"""Every template under the rules of AWS Solutions, of Serverless, of cdk-preflight and of cfn-lint.

The stages turn every option on (`option_matrix.py`). cdk-preflight has the rules of templates that
synthesize, and then fail when they are deployed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_logs as logs
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from cdk_preflight import Preflight

from lading.emulator.checkout import tools_folder
from lading.emulator.cloud.cdk import find_cdk
from lading.stacks.composition import add_stacks
from lading.stacks.stages.settings import StageSettings
from tests.stacks.option_matrix import (
    MODELS,
    STAGES,
    all_options,
    read_stages,
    stated_options,
    write_matrix,
)
from tests.stacks.synthesis import ROOT, make_app

OPEN = {("AwsSolutions-APIG4", "lading-open-api"), ("Annotation::lading:open", "lading-open-api")}
"""What a stage that anybody may call must acknowledge itself."""

UNJUDGED = {
    ("Annotation::lading:unjudged-update", f"lading-tokens-model-{name}")
    for name in ("queued", "sleeping")
}
"""Endpoints whose updates no judge can compare; `lading:unjudged-update` says why."""

SERVED = {
    "dev": ("layered", "folder"),
    "prod": (),
    "tokens": (),
    "open": ("layered", "steady", "hosted"),
}
"""Stage -> its models; none for all. The region of `dev` is that of the AWS profile."""


@pytest.fixture(scope="module", params=SERVED)
def assembly(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """One stage, and the folder of its templates and of the rules' report."""
    stage = str(request.param)
    folder = tmp_path_factory.mktemp(stage)
    write_matrix(folder, *SERVED[stage])
    app = make_app(folder, stage=stage)
    add_stacks(app, ROOT)
    Preflight.apply(app)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    if stage == "open":
        with pytest.raises(RuntimeError, match="AwsSolutions-APIG4"):
            app.synth()
    else:
        app.synth()
    return stage, Path(app.outdir)


@pytest.mark.slow
def test_the_cdks_own_command_refuses_only_an_api_that_anybody_may_call(
    assembly: tuple[str, Path], tmp_path: Path
) -> None:
    stage, folder = assembly
    cdk, log = find_cdk(ROOT, tools_folder(), Path(sys.prefix), tmp_path / "npm"), tmp_path / "log"
    arguments = ["validate", "--unstable=validate", "--no-online", "--app", str(folder)]
    status = cdk.run(arguments, environment={"HOME": str(tmp_path)}, folder=tmp_path, log=log)
    assert (status != 0) == (stage == "open"), log.read_text()


def test_the_stages_turn_every_option_on() -> None:
    stages = read_stages(STAGES).stages.values()
    stated = set().union(*map(stated_options, stages))
    assert as_models(all_options(StageSettings)) - as_models(stated) == set()


def as_models(options: set[str]) -> set[str]:
    """The defaults of all models have the keys of each model."""
    return {option.replace("defaults", "models", 1) for option in options}


def test_a_template_that_would_fail_is_found(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path))
    stack = Stack(app, "failing")
    logs.CfnMetricFilter(
        stack,
        "Unclosed",
        filter_pattern="[time, level",
        log_group_name="/aws/lambda/f",
        metric_transformations=[
            logs.CfnMetricFilter.MetricTransformationProperty(
                metric_name="m", metric_namespace="n", metric_value="1"
            )
        ],
    )
    Preflight.apply(app)
    with pytest.raises(RuntimeError, match="pf-logs-filter-pattern-bracket"):
        app.synth()
    assert set(findings(tmp_path)) == {("pf-logs-filter-pattern-bracket", "failing")}


def findings(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the rule and the stack of each finding that nobody acknowledged."""
    report = json.loads((folder / "validation-report.json").read_text())
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                yield violation["ruleName"], construct["constructPath"].split("/")[0]


def test_no_rule_finds_anything_unacknowledged(assembly: tuple[str, Path]) -> None:
    stage, folder = assembly
    known = {"open": OPEN, "tokens": UNJUDGED}
    assert set(findings(folder)) == known.get(stage, set())


def test_cfn_lint_finds_nothing(assembly: tuple[str, Path]) -> None:
    stage, folder = assembly
    templates = sorted(folder.glob("*-us-east-1.template.json"))
    if stage != "prod":  # the regions of production have the same templates
        templates = sorted(folder.glob("*.template.json"))
    more = 2 * (stage == "tokens")  # production retrains in its first region; it has no pipeline
    assert len(templates) == 2 + len(SERVED[stage] or MODELS) + more
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--"]
    linted = subprocess.run(
        [*command, *map(str, templates)], check=False, capture_output=True, text=True
    )
    assert linted.stdout == ""
    assert linted.returncode == 0


def test_every_alarm_names_a_page_of_the_runbook(assembly: tuple[str, Path]) -> None:
    stage, folder = assembly
    base = read_stages(STAGES).stages[stage].watching.runbook
    texts = [
        each["Properties"]["AlarmDescription"]
        for path in sorted(folder.glob("*.template.json"))
        for each in json.loads(path.read_text())["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert texts
    for text in texts:
        page = text.rpartition("Runbook: ")[2]
        assert page.startswith(f"{base}/"), text
        assert (ROOT / "docs/runbook" / page.removeprefix(f"{base}/")).is_file(), text


def test_every_service_assumes_a_role_for_this_account_only(assembly: tuple[str, Path]) -> None:
    _, folder = assembly
    roles = [
        (logical, each["Properties"]["AssumeRolePolicyDocument"]["Statement"])
        for path in sorted(folder.glob("*.template.json"))
        for logical, each in json.loads(path.read_text())["Resources"].items()
        if each["Type"] == "AWS::IAM::Role"
    ]
    assert roles
    for logical, trusts in roles:
        for trust in trusts:
            if trust["Principal"].get("Service") == "apigateway.amazonaws.com":
                continue  # the account's one role for logs, which the CDK makes
            if "Federated" in trust["Principal"]:
                continue  # whoever has a token of GitHub: test_delivery_stack.py
            own = trust["Condition"]["StringEquals"]["aws:SourceAccount"]
            assert own == {"Ref": "AWS::AccountId"}, logical


def test_logs_have_the_key_that_the_stage_names(assembly: tuple[str, Path]) -> None:
    stage, folder = assembly
    keys = {
        each["Properties"].get("KmsKeyId")
        for path in sorted(folder.glob("*.template.json"))
        for each in json.loads(path.read_text())["Resources"].values()
        if each["Type"] == "AWS::Logs::LogGroup"
    }
    assert keys == {read_stages(STAGES).stages[stage].log_key}


def test_a_model_has_the_concurrency_that_its_stage_reserves(assembly: tuple[str, Path]) -> None:
    stage, folder = assembly
    reserved = {
        each["Properties"]["FunctionName"]: each["Properties"]["ReservedConcurrentExecutions"]
        for path in sorted(folder.glob("*.template.json"))
        for each in json.loads(path.read_text())["Resources"].values()
        if "ReservedConcurrentExecutions" in each.get("Properties", {})
    }
    assert reserved == ({"lading-tokens-model-layered": 20} if stage == "tokens" else {})
