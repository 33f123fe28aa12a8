"""Every template under the rules of AWS Solutions, of Serverless and of CloudFormation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from lading.stacks.composition import add_stacks
from tests.stacks.projects import local_artifact, locked, s3_copy, served_by_engine, write_project
from tests.stacks.synthesis import ROOT, make_app

STAGES = """
stages:
  prod:
    regions: [eu-central-1, us-east-1]
    artifact_buckets: {eu-central-1: artifacts-of-dev, us-east-1: artifacts-of-dev}
    models:
      steady:
        sagemaker:
          instances: [ml.g5.xlarge, ml.g6.xlarge]
          count: {min: 2, max: 4}
          vpc: {subnets: [subnet-0a1b2c3d4e5f60718], security_groups: [sg-0a1b2c3d4e5f60718]}
      sleeping: {sagemaker: {mode: scale_to_zero, instances: [ml.g5.xlarge], count: {max: 2}}}
      queued: {sagemaker: {mode: async, instances: [ml.m5.xlarge], count: {max: 2}}}
"""

ENDPOINTS = ("steady", "sleeping", "queued")


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of model, in two regions of production; synthesis fails on any finding."""
    folder = tmp_path_factory.mktemp("project")
    lock = {
        "layered": locked(s3_copy("layered")),
        "big": locked(s3_copy("big", bytes=1 << 28)),
        "folder": local_artifact(folder, "folder"),
        "with.dots": locked(s3_copy("with.dots", golden=None)),
        **{name: served_by_engine(name) for name in ENDPOINTS},
    }
    large = {name: {"target": "sagemaker", "twin": "layered"} for name in ENDPOINTS}
    write_project(folder, lock, STAGES, **large)
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
    assert len(templates) == 9
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--"]
    linted = subprocess.run(
        [*command, *map(str, templates)], check=False, capture_output=True, text=True
    )
    assert linted.stdout == ""
    assert linted.returncode == 0
