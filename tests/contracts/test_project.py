"""What people and services read about the project: its metadata, changelog, workflow and forms."""

import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from lading.functions.contract.names import VERSION
from lading.stacks.stages.target import LAMBDA_PYTHON

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def read_yaml(file: str) -> Any:
    return yaml.safe_load((ROOT / file).read_text())


def steps() -> list[dict[str, Any]]:
    [job] = read_yaml(".github/workflows/ci.yml")["jobs"].values()
    return [dict(step) for step in job["steps"]]


def test_the_newest_release_in_the_changelog_is_the_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    found = re.fullmatch(r"(\S+) \((.+)\)", headings[1])
    assert found
    assert found[1] == VERSION
    assert date.fromisoformat(found[2])


def test_the_license_that_the_metadata_names_is_the_text_that_is_there() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    [file] = PROJECT["license-files"]
    words = " ".join((ROOT / file).read_text().split())
    assert words.startswith("Apache License Version 2.0, January 2004")
    assert "APPENDIX: How to apply the Apache License to your work." in words


def test_the_metadata_names_a_readme_that_is_there_and_pythons_that_may_install_it() -> None:
    assert (ROOT / PROJECT["readme"]).is_file()
    supported = SpecifierSet(PROJECT["requires-python"])
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if ":: 3." in each]
    assert named
    assert all(version in supported for version in named)


def test_the_workflow_runs_the_projects_own_script_and_may_only_read() -> None:
    workflow = read_yaml(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert [step["run"] for step in steps() if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_of_a_workflow_is_pinned_to_a_commit(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    actions = [
        step["uses"] for job in document["jobs"].values() for step in job["steps"] if "uses" in step
    ]
    assert document["permissions"] == {"contents": "read"}
    assert actions
    assert [name for name in actions if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)] == []


def test_the_workflow_runs_the_oldest_python_that_is_supported_beside_lambdas() -> None:
    [versions] = [step["with"]["python-version"] for step in steps() if "setup-python" in str(step)]
    lambdas, default = versions.split()
    assert PROJECT["requires-python"] == f">={default}"
    assert lambdas == LAMBDA_PYTHON


def test_each_hook_before_a_commit_is_a_line_of_make_check() -> None:
    [local] = read_yaml(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    checks = re.findall(r"\$\(BIN\)/(.+)", (ROOT / "Makefile").read_text())
    for hook in local["hooks"]:
        assert hook["entry"].removeprefix(".venv/bin/") in checks
        assert hook["language"] == "system"


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_github_requires(form: Path) -> None:
    document = yaml.safe_load(form.read_text())
    assert document["name"]
    assert document["description"]
    questions = [part for part in document["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in questions)
    names = [part["id"] for part in questions]
    assert len(names) == len(set(names))
