"""Each command of the workflows, run as GitHub runs it, with the emulated cloud as AWS."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import yaml

from lading.api.settings import aws_environment
from lading.cli.delivery.github import write_workflows
from lading.cli.emulated_stage import create_token
from lading.emulator.cloud.account import EmulatedCloud
from lading.stacks.stages.settings import load_deployment
from tests.end_to_end.conftest import ROOT, command_environment
from tests.end_to_end.test_versions_guide import GIT

pytestmark = [pytest.mark.slow, pytest.mark.long]

BUCKET = "delivered-models"
ARTIFACTS = f"s3://{BUCKET}"
STAGES = """\
service: delivered
stages:
  dev: {auth: token, public_health: true}
  prod: {auth: token}
"""
INSTALL = "Install"
"""The only step that is left out: this environment has what it installs."""


class Runner:
    """What a runner of GitHub gives to steps: a checkout, programs, and files for their results.

    Args:
        cloud: the emulated cloud.
        folder: the folder of the checkout and of everything else.
        origin: the repository.
    """

    def __init__(self, cloud: EmulatedCloud, folder: Path, origin: Path) -> None:
        self.folder, self.checkout = folder, folder / "checkout"
        self.outputs, self.comment = folder / "outputs", folder / "comment.md"
        subprocess.run(["git", "clone", "-q", origin, self.checkout], check=True)
        programs = folder / "bin"
        programs.mkdir()
        own = command_environment()
        emulated = f"{sys.executable} -m tests.end_to_end.emulated_npx"
        npx = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {emulated} "$@"\n'
        gh = f'#!/bin/sh\necho "$@" > {folder}/gh\ncp review.md {self.comment}\n'
        for name, text in (("npx", npx), ("gh", gh)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {
            **{key: value for key, value in own.items() if not key.startswith("AWS_")},
            **cloud.environment,
            **GIT,
            "PATH": f"{programs}:{own['PATH']}",
            "CDK_HOME": str(folder),
            "GITHUB_REF_NAME": "main",
            "GITHUB_OUTPUT": str(self.outputs),
        }

    def run(self, workflow: str, job: str, *steps: str, **values: str) -> None:
        """Run steps with these names, or all but the installation, in their order."""
        (path,) = (self.checkout / ".github/workflows").glob(f"{workflow}.yml")
        described = yaml.safe_load(path.read_text())["jobs"][job]
        found = [it for it in described["steps"] if "run" in it and it["name"] != INSTALL]
        for step in found:
            if not steps or step["name"] in steps:
                self._step(step, {**described.get("env", {}), **step.get("env", {})}, values)

    def _step(
        self, step: Mapping[str, Any], wanted: Mapping[str, str], values: Mapping[str, str]
    ) -> None:
        if "steps.package.outcome" in step.get("if", ""):
            return  # nothing has failed
        assert set(wanted) <= {*values, "GH_TOKEN"}, step["name"]
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.checkout,
            env={**self.environment, **values},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{step['name']}\n{done.stdout}\n{done.stderr}"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**os.environ, **GIT},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def origin(cloud: EmulatedCloud, checkout: Path, tmp_path: Path) -> Path:
    """A repository whose branch `main` has version 1 of digits, and `change` other settings."""
    work, bare = tmp_path / "work", tmp_path / "origin.git"
    shutil.copytree(checkout, work, ignore=shutil.ignore_patterns("artifacts"))
    write_workflows(work)
    (work / "stages.yaml").write_text(STAGES)
    with aws_environment(cloud.environment):
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        subprocess.run(
            ["lading", "package", "--store", ARTIFACTS],
            cwd=work,
            env={**command_environment(), **cloud.environment},
            check=True,
        )
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(bare))
    git(work, "init", "-q", "-b", "main")
    git(work, "add", "--all")
    git(work, "commit", "-qm", "Serve digits")
    git(work, "remote", "add", "origin", str(bare))
    git(work, "push", "-q", "origin", "main")
    manifest = work / "models.yaml"
    manifest.write_text(manifest.read_text().replace("quantize: dynamic", "quantize: none"))
    git(work, "commit", "-qam", "Serve digits without quantization")
    git(work, "push", "-q", "origin", "HEAD:change")
    return bare


def locked(origin: Path) -> Any:
    return json.loads(git(origin, "show", "main:models.lock.json"))["digits"]


def test_a_change_is_reviewed_deployed_checked_and_promoted(
    cloud: EmulatedCloud, origin: Path, tmp_path: Path
) -> None:
    (tmp_path / "review").mkdir()
    review = Runner(cloud, tmp_path / "review", origin)
    git(review.checkout, "checkout", "-q", "change")
    review.run("lading-review", "review", BASE="main", NUMBER="7")
    assert (tmp_path / "review/gh").read_text().startswith("pr comment 7 --body-file review.md")
    comment = review.comment.read_text()
    assert "|  |  | version 1 | version 2 | change |" in comment
    assert "## Costs of a month" in comment
    assert list(locked(origin)["versions"]) == ["1"]

    git(origin, "branch", "-f", "main", "change")
    (tmp_path / "deploy").mkdir()
    deploy = Runner(cloud, tmp_path / "deploy", origin)
    deploy.run("lading-deploy", "package", ARTIFACTS=ARTIFACTS)
    assert locked(origin)["labels"] == {"stable": 1, "candidate": 2}
    assert deploy.outputs.read_text() == f"commit={git(origin, 'rev-parse', 'main')}\n"

    deploy.run("lading-stage", "deploy", "Deploy", STAGE="dev")
    deployment = load_deployment(deploy.checkout / "stages.yaml", "dev", local=True)
    token = create_token(cloud, deployment)
    deploy.run("lading-stage", "deploy", "Smoke", STAGE="dev", LADING_TOKEN=token)
    outputs = json.loads((deploy.checkout / "outputs.json").read_text())
    api = outputs["delivered-dev-api"]["ApiUrl"]
    health = httpx.get(f"{api}/health/predict", timeout=60)  # nobody is asked who he is
    assert (health.status_code, health.json()) == (200, {"healthy": True})
    git(deploy.checkout, "checkout", "-q", "models.lock.json")

    deploy.run("lading-deploy", "promote")
    assert locked(origin)["labels"] == {"stable": 2, "candidate": 2}
    assert git(origin, "log", "-1", "--format=%s", "main") == "Promote the candidates"
