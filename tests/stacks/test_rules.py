"""Every template under the rules of AWS Solutions, of Serverless and of CloudFormation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from stacks.composition import add_stacks
from tests.stacks.projects import local_artifact, locked, s3_copy, write_project
from tests.stacks.synthesis import ROOT, make_app

REDUNDANT = "W3005"
"""A dependency stated twice, as the CDK always does."""

STAGES = """
stages:
  prod:
    regions: [eu-central-1, us-east-1]
    artifact_buckets: {eu-central-1: artifacts-of-dev, us-east-1: artifacts-of-dev}
"""


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of model, in two regions of production; synthesis fails on any finding."""
    folder = tmp_path_factory.mktemp("project")
    lock = {
        "layered": locked(s3_copy("layered")),
        "big": locked(s3_copy("big", bytes=1 << 28)),
        "folder": local_artifact(folder, "folder"),
        "with.dots": locked(s3_copy("with.dots", golden=None)),
    }
    write_project(folder, lock, STAGES)
    app = make_app(folder, stage="prod")
    add_stacks(app, ROOT)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return Path(app.synth().directory)


def test_no_rule_finds_anything_unacknowledged(assembly: Path) -> None:
    report = json.loads((assembly / "validation-report.json").read_text())
    found = [
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
    assert found == []


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    templates = sorted(assembly.glob("*-eu-central-1.template.json"))
    assert len(templates) == 6
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", REDUNDANT, "--"]
    linted = subprocess.run(
        [*command, *map(str, templates)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert linted.stdout == ""
    assert linted.returncode == 0
