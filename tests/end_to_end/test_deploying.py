"""A project of one's own, from `lading init` to `lading destroy`, in an AWS on this machine."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from lading.emulator.cloud.account import EmulatedCloud
from lading.stacks.build.lambda_code import CACHE
from tests.end_to_end.conftest import command_environment, lading
from tests.support.interpreter import ROOT
from tests.support.worlds import times

pytestmark = pytest.mark.slow

STAGES = """\
service: shop
stages:
  dev: {auth: none}
"""

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project whose model is packaged; the code is built in the checkout's cache."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "double.onnx").write_bytes(times(2))
    lading(folder, "init", "shop", "--from", "double.onnx")
    shop = folder / "shop"
    (shop / "stages.yaml").write_text(STAGES)
    cache = ROOT / CACHE
    cache.mkdir(parents=True, exist_ok=True)
    (shop / CACHE.parent).mkdir(exist_ok=True)
    (shop / CACHE).symlink_to(cache)
    lading(shop, "package")
    return shop


@pytest.fixture(scope="module")
def run(cloud: EmulatedCloud, project: Path) -> Run:
    """Run `lading` in the project and the cloud; returns the finished process."""
    variables = {**command_environment(), **cloud.environment}

    def run_here(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["lading", *words],
            cwd=project,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run_here


@pytest.fixture(scope="module")
def context(cloud: EmulatedCloud) -> list[str]:
    layers = ["--context", "lambda_layers=true"] if cloud.runs_lambda_python else []
    return ["--context", "local=true", *layers]


@pytest.fixture(scope="module")
def deployed(run: Run, context: list[str]) -> "subprocess.CompletedProcess[str]":
    done: subprocess.CompletedProcess[str] = run("deploy", "--json", *context)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def url(deployed: "subprocess.CompletedProcess[str]", cloud: EmulatedCloud) -> str:
    outputs = json.loads(deployed.stdout)["outputs"]
    return cloud.api_url(outputs["shop-dev-api"]["ApiUrl"])


def test_before_the_first_deployment_the_status_says_what_to_do(run: Run) -> None:
    assert "is not deployed; run `lading deploy --stage dev`" in run("status").stdout


def test_a_deployment_shows_each_resource_and_answers(
    deployed: "subprocess.CompletedProcess[str]", url: str
) -> None:
    assert "AWS::Lambda::Function" in deployed.stderr
    assert "create complete" in deployed.stderr
    assert json.loads(deployed.stdout)["models"] == {"double": 1}
    answer = httpx.post(f"{url}/double/predict", json={"inputs": [[1, 2]]}, timeout=60)
    assert answer.json()["outputs"] == {"y": [[2.0, 4.0]]}


def test_the_status_has_each_model_beside_the_lock(run: Run, url: str) -> None:
    assert url
    [region] = json.loads(run("status", "--json").stdout)["regions"]
    [model] = [each for each in region["stacks"] if each["model"]]
    assert (model["model"], model["version"], model["locked"]) == ("double", 1, 1)
    assert any(each["url"] for each in region["stacks"])
    shown = run("status").stdout
    assert "double 1" in shown
    assert "alarms that are on: " in shown


def test_the_log_has_the_requests(run: Run, url: str) -> None:
    httpx.post(f"{url}/double/predict", json={"inputs": [[1]]}, timeout=60)
    lines = run("logs", "double", "--since", "1h", "--json").stdout.splitlines()
    assert any('"message":"request"' in line for line in lines), lines
    assert "request" in run("logs", "double", "--since", "1h").stdout


def test_the_log_of_an_unknown_model_is_one_line(run: Run, url: str) -> None:
    assert url
    done = run("logs", "duoble")
    assert done.returncode == 7
    assert done.stderr.count("\n") == 1


def test_a_stage_is_deleted_only_when_that_is_confirmed(run: Run, url: str) -> None:
    assert url
    done = run("destroy")
    assert done.returncode == 2
    assert "give --yes" in done.stderr


def test_a_deleted_stage_is_gone(run: Run, url: str, context: list[str]) -> None:
    assert url
    done = run("destroy", "--yes", *context)
    assert done.returncode == 0, done.stderr
    assert "is deleted" in done.stdout
    assert "is not deployed" in run("status").stdout


def test_without_credentials_nothing_is_built(project: Path) -> None:
    variables = {key: value for key, value in command_environment().items() if "AWS" not in key}
    variables |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1"}
    variables |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    done = subprocess.run(
        ["lading", "deploy"],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert "credentials" in done.stderr.splitlines()[-1]
