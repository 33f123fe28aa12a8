"""Templates of the stacks; nothing is built, as in `cdk ls`."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

os.environ.setdefault("JSII_NODE", str(Path(sys.executable).parent / "node"))

from aws_cdk import App
from aws_cdk.assertions import Template

from lading.stacks.composition import RegionStacks, add_stacks
from tests.stacks.projects import write_project

ROOT = Path(__file__).parents[2]


def make_app(folder: Path, *, stage: str = "dev", local: bool = False, **context: Any) -> App:
    """The app of a project, under the flags of cdk.json."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    files = {"manifest": "models.yaml", "lock": "models.lock.json", "stages": "stages.yaml"}
    found = {key: str(folder / file) for key, file in files.items()}
    asked = {"stage": stage, "local": str(local).lower(), "aws:cdk:bundling-stacks": []}
    outdir = mkdtemp(dir=folder)
    return App(context={**flags, **found, **asked, **context}, outdir=outdir)


def synthesise(folder: Path, **asked: Any) -> tuple[RegionStacks, ...]:
    """The stacks of a project."""
    return add_stacks(make_app(folder, **asked), ROOT)


def one_model(folder: Path, entry: Mapping[str, Any], stages: str = "", **asked: Any) -> Template:
    """The template of the only model's stack."""
    write_project(folder, {"digits": entry}, stages)
    (region,) = synthesise(folder, **asked)
    return Template.from_stack(region.models[0])


def resources(template: Template, kind: str) -> dict[str, Any]:
    """Logical id -> resource, of one kind."""
    return dict(template.find_resources(kind))


def only(template: Template, kind: str, **properties: Any) -> dict[str, Any]:
    """The one resource of a kind, and with these properties."""
    (found,) = template.find_resources(kind, {"Properties": properties}).values()
    return dict(found)


def variables(template: Template, function: str) -> dict[str, Any]:
    """The environment of the function with this name."""
    found = only(template, "AWS::Lambda::Function", FunctionName=function)
    return dict(found["Properties"]["Environment"]["Variables"])


def statements(template: Template, action: str | None = None) -> list[dict[str, Any]]:
    """What the policies of a template allow, each statement's actions a list."""
    policies = resources(template, "AWS::IAM::Policy").values()
    found = [
        {**statement, "Action": actions if isinstance(actions, list) else [actions]}
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for actions in [statement["Action"]]
    ]
    return [it for it in found if action is None or action in it["Action"]]
