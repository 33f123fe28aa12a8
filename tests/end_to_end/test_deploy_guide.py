"""The guide to a deployment names commands, stacks and settings that there are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lading.stacks.stages.settings import load_deployment
from tests.end_to_end.conftest import ROOT, command_environment
from tests.stacks.projects import locked, s3_copy, write_project
from tests.stacks.synthesis import synthesise

GUIDE = (ROOT / "docs/deploy.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]
STAGES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
CDK_OPTIONS = {"--all", "--quiet", "-c", "stage=dev"}


def test_no_command_is_forgotten_here() -> None:
    kinds = ("make cloud", "source ", "npm ci", "npx cdk ", "lading ", "python -m ", "sam local ")
    assert all(command.startswith(kinds) for command in COMMANDS)


@pytest.mark.parametrize("command", [it for it in COMMANDS if it.startswith("lading ")])
def test_each_command_of_ours_is_understood(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*command.split(), "--help"],
        cwd=tmp_path,
        env=command_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_each_command_of_the_cdk_names_stacks_and_options_that_there_are(tmp_path: Path) -> None:
    write_project(tmp_path, {"digits": locked(s3_copy("digits"))})
    (region,) = synthesise(tmp_path)
    stacks = {it.node.id for it in (region.artifacts, *region.models, *region.apis)}
    for command in COMMANDS:
        if command.startswith("npx cdk "):
            verb, *rest = command.removeprefix("npx cdk ").split()
            assert verb in {"bootstrap", "deploy", "destroy", "synth"}
            assert set(rest) <= CDK_OPTIONS | stacks
    named = set(re.findall(r"lading-(?:dev|prod)-[a-z]+", GUIDE))
    resources = {"lading-dev-tokens", "lading-dev-operations"}
    assert {name.replace("-prod-", "-dev-") for name in named} <= stacks | resources


def test_the_settings_are_taken(tmp_path: Path) -> None:
    text, *parts = STAGES
    path = tmp_path / "stages.yaml"
    for part in parts:
        path.write_text(f"stages:\n  prod:\n    auth: token\n{part}")
        load_deployment(path, "prod")
    path.write_text(text)
    assert load_deployment(path, "prod").settings.models["digits"].memory_mb == 3008
    assert load_deployment(path, "dev").production is False


def test_the_modules_that_are_run_are_there() -> None:
    for command in COMMANDS:
        if command.startswith("python -m "):
            module = command.split()[2]
            code = f"import importlib.util as i; assert i.find_spec({module!r})"
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("target", ["cloud", "emulate"])
def test_the_make_targets_exist(target: str) -> None:
    assert f"make {target}" in GUIDE
    command = ["make", "--dry-run", "--no-print-directory", target]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
