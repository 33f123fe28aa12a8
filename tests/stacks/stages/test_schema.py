"""The published schema says what the reader of stages.yaml accepts."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # has no stubs
import pytest
import yaml

from lading.model_packaging.manifest.located_yaml import LocatedYaml
from lading.stacks.errors import SettingsError
from lading.stacks.stages.schema import render_schema
from lading.stacks.stages.settings import SettingsFile, load_deployment
from tests.stacks.option_matrix import STAGES, all_options, stated_options
from tests.support.interpreter import ROOT

SCHEMA = json.loads(render_schema())
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted((ROOT / "docs").glob("*.md"))
    for number, block in enumerate(BLOCK.findall(page.read_text()))
    if re.search(r"^stages:", block, re.MULTILINE)
]


def plain(folder: Path, text: str) -> Any:
    """The document as the reader sees it, in which `off` is a text."""
    (folder / "stages.yaml").write_text(text)
    return LocatedYaml(folder / "stages.yaml").value


def keys_of(schema: Mapping[str, Any]) -> set[str]:
    """The dotted keys that a mapping may have, as `all_options` names them."""
    found = set()
    for key, value in schema.get("properties", {}).items():
        found.add(key)
        for form in entries(value):
            found |= {f"{key}.{below}" for below in keys_of(form)}
    return found


def entries(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The mappings with known keys that a value may be, or contain."""
    if "$ref" in value:
        yield SCHEMA["$defs"][value["$ref"].rpartition("/")[2]]
    several = [*value.get("anyOf", ()), *value.get("patternProperties", {}).values()]
    for each in (*several, value.get("items"), value.get("additionalProperties")):
        if isinstance(each, dict):
            yield from entries(each)


def test_the_published_schema_is_in_step() -> None:
    assert (ROOT / "stages.schema.json").read_text(encoding="utf-8") == render_schema()


def test_the_module_prints_the_schema() -> None:
    command = [sys.executable, "-m", "lading.stacks.stages.schema"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == render_schema()


def test_reader_and_schema_have_the_same_keys() -> None:
    assert keys_of(SCHEMA) == all_options(SettingsFile)


def test_every_option_of_the_matrix_is_accepted(tmp_path: Path) -> None:
    document = plain(tmp_path, STAGES)
    jsonschema.validate(document, SCHEMA)
    assert len(stated_options(SettingsFile.model_validate(document))) > 100


@pytest.mark.parametrize("block", BLOCKS)
def test_the_examples_of_the_guides_are_accepted_by_both(tmp_path: Path, block: str) -> None:
    document = plain(tmp_path, block)
    jsonschema.validate({key: document[key] for key in document if key != "models"}, SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"stages": {"dev": {"rollouts": "all-at-once"}}},
        {"stages": {"dev": {"models": {"m": {"memory": 512}}}}},
        {"stages": {"dev": {"auth": "password"}}},
        {"stages": {"dev": {"throttling": {"rate": 0}}}},
        {"stages": {"dev": {"models": {"m": {"memory_mb": "512"}}}}},
        {"stages": {}},
        {"stage": {}},
    ],
    ids=["key", "key-of-a-model", "word", "range", "type", "no-stage", "top"],
)
def test_what_the_reader_refuses_the_schema_refuses(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(yaml.safe_dump(change))
    with pytest.raises(SettingsError):
        load_deployment(path, "dev")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(change, SCHEMA)


def test_a_key_is_described() -> None:
    described = SCHEMA["$defs"]["ModelSettings"]["properties"]["p99_ms"]
    assert described["description"] == "Objective for the p99 latency; the latency alarm uses it."
