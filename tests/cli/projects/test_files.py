import ast
import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped] # has no stubs
import pytest

from lading.cli.projects.files import ModelText, project_files
from lading.model_packaging.manifest.located_yaml import LocatedYaml
from lading.model_packaging.manifest.models import load_manifest
from lading.stacks.stages.settings import load_deployment
from tests.support.interpreter import ROOT

ENTRY = {
    "source": "m.joblib",
    "trust": True,
    "inputs": {"a: b": {"shape": ["batch"]}, "on": {"shape": ["batch"], "datatype": "BYTES"}},
}
MODEL = ModelText("churn", ENTRY, {"trust": "a note"}, {"inputs": [1]}, ("tabular",))


def written(folder: Path, model: ModelText | None) -> dict[str, str]:
    files = project_files("shop", model)
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return files


def test_the_manifest_is_what_the_entry_says(tmp_path: Path) -> None:
    written(tmp_path, MODEL)
    spec = load_manifest(tmp_path / "models.yaml").models["churn"]
    assert spec.trusts_all
    assert [*spec.inputs] == ["a: b", "on"]
    assert spec.inputs["on"].datatype == "BYTES"


def test_a_project_without_a_model_is_valid(tmp_path: Path) -> None:
    files = written(tmp_path, None)
    assert not load_manifest(tmp_path / "models.yaml").models
    assert "example.json" not in files


def test_the_service_names_the_stages(tmp_path: Path) -> None:
    written(tmp_path, MODEL)
    assert load_deployment(tmp_path / "stages.yaml", "prod").names.prefix == "shop-prod"


@pytest.mark.parametrize("model", [None, MODEL], ids=["empty", "model"])
@pytest.mark.parametrize("file", ["models.yaml", "stages.yaml"])
def test_an_editor_finds_the_schema_of_what_it_edits(
    tmp_path: Path, file: str, model: ModelText | None
) -> None:
    written(tmp_path, model)
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", (tmp_path / file).read_text())
    assert found
    schema = json.loads((tmp_path / found[1]).read_text())
    assert schema["title"] == file
    jsonschema.validate(LocatedYaml(tmp_path / file).value, schema)


def test_the_app_is_that_of_a_clone() -> None:
    app = ast.parse(project_files("shop", None)["app.py"]).body[1:]
    own = ast.parse((ROOT / "app.py").read_text()).body[1:]
    assert [*map(ast.unparse, app)] == [*map(ast.unparse, own)]


def test_the_cdks_settings_are_those_of_a_clone() -> None:
    assert project_files("shop", None)["cdk.json"] == (ROOT / "cdk.json").read_text()


def test_the_requirements_name_the_extras() -> None:
    assert project_files("shop", MODEL)["requirements.txt"].startswith("lading[cloud,tabular]>=")


def test_the_request_is_one_of_the_plain_dialect() -> None:
    assert json.loads(project_files("shop", MODEL)["example.json"]) == {"inputs": [1]}
