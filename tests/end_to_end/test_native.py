"""Models that are not converted, deployed with the layers of their runtimes."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import lading
from tests.model_packaging.native.boosters import make
from tests.model_packaging.native.own_classes import SORTED_CONTAINERS, SORTING
from tests.model_packaging.native.own_classes import project as own_class
from tests.support.frameworks import needs

MODELS = """
models:
  flowers: {{source: {xgboost}, engine: native}}
"""


@pytest.mark.long
@needs("boosting", "xgboost", "lightgbm")
def test_a_deployed_function_answers_from_the_layer_of_its_runtime(tmp_path: Path) -> None:
    source = make("early_stopped", tmp_path)
    lading(tmp_path, "init", "project")
    project = tmp_path / "project"
    (project / "models.yaml").write_text(MODELS.format(xgboost=source), encoding="utf-8")
    lading(project, "package")
    found = json.loads(lading(project, "emulate", "--once", "--json"))
    assert (found["model"], found["right"]) == ("flowers", True)
    assert found["answer"]["outputs"]["label"]


@pytest.mark.long
def test_a_deployed_function_runs_a_class_of_ones_own_with_its_packages(tmp_path: Path) -> None:
    lading(tmp_path, "init", "project")
    project = tmp_path / "project"
    own_class(project, SORTING, f"{SORTED_CONTAINERS}\n")
    lading(project, "package")
    [locked] = json.loads((project / "models.lock.json").read_text())["churn"]["versions"].values()
    assert locked["target"] == "lambda"
    found = json.loads(lading(project, "emulate", "--once", "--json"))
    assert (found["model"], found["right"]) == ("churn", True)
