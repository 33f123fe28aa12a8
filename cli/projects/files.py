"""The files of a new project, as texts by their path."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from lading.emulator.checkout import packaged_file
from lading.functions.contract.names import VERSION
from lading.model_packaging.manifest.models import render_schema as models_schema
from lading.stacks.stages.schema import render_schema as stages_schema

MODELS, EXAMPLE = "models.yaml", "example.json"
SCHEMAS = ".schemas/"
"""Folder of the JSON Schemas, by which editors complete and check keys."""

_APP = '''"""The CDK app: models.yaml, models.lock.json and stages.yaml become stacks.

`lading deploy` runs it.
"""

import sys
from pathlib import Path

from aws_cdk import App

from lading.stacks.composition import add_stacks
from lading.stacks.errors import StackError

if __name__ == "__main__":
    app = App()
    try:
        add_stacks(app, Path(__file__).parent)
    except StackError as error:
        sys.exit(f"error: {error}")
    app.synth()
'''

_STAGES = """\
# yaml-language-server: $schema=./.schemas/stages.json
# The stages, each a complete deployment: `lading deploy --stage prod`. Every key is optional.
service: {service}
stages:
  dev: {{}}
  prod: {{}}
"""

_IGNORED = """\
.venv/
.lading/
.models.lock.json.*
artifacts/
cdk.out/
node_modules/
__pycache__/
"""

_NO_MODELS = """\
# yaml-language-server: $schema=./.schemas/models.json
# The models to package and serve. `lading init --from MODEL` writes an entry for yours.
models: {}
"""

_HEAD = """\
# yaml-language-server: $schema=./.schemas/models.json
# The models to package and serve: `lading package` makes each a verified version.
"""


class ModelText(NamedTuple):
    """A model's part of a project.

    Args:
        name: its name.
        entry: its entry in models.yaml.
        notes: comments on keys of the entry.
        request: an example request of the plain dialect; None if none is known.
        extras: the extras of the package that it needs.
    """

    name: str
    entry: Mapping[str, Any]
    notes: Mapping[str, str]
    request: Mapping[str, Any] | None
    extras: tuple[str, ...]


def project_files(service: str, model: ModelText | None) -> dict[str, str]:
    """Return the text of each file of a project.

    Args:
        service: the name of the service, with which the names of its resources begin.
        model: the first model; None: the manifest lists none.
    """
    extras = ",".join(("cloud", *(model.extras if model else ())))
    files = {
        MODELS: _manifest(model) if model else _NO_MODELS,
        "stages.yaml": _STAGES.format(service=service),
        "app.py": _APP,
        "cdk.json": packaged_file("cdk.json").read_text(encoding="utf-8"),
        "requirements.txt": f"lading[{extras}]>={VERSION}\n",
        ".gitignore": _IGNORED,
        f"{SCHEMAS}models.json": models_schema(),
        f"{SCHEMAS}stages.json": stages_schema(),
    }
    if model and model.request is not None:
        files[EXAMPLE] = f"{json.dumps(model.request, indent=2)}\n"
    return files


def _manifest(model: ModelText) -> str:
    lines = [_HEAD, "models:\n", f"  {_scalar(model.name)}:\n"]
    for key, value in model.entry.items():
        note = f"  # {model.notes[key]}" if key in model.notes else ""
        lines += _key(key, value, note)
    return "".join(lines)


def _key(key: str, value: Any, note: str) -> list[str]:
    """Return the lines of a key; the inputs have a line each."""
    if key != "inputs":
        return [f"    {key}: {_flow(value)}{note}\n"]
    rows = [f"      {_scalar(name)}: {_flow(each)}\n" for name, each in value.items()]
    return [f"    {key}:{note}\n", *rows]


def _flow(value: Any) -> str:
    """Return a value of YAML on one line."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _scalar(text: str) -> str:
    return _flow(text)
