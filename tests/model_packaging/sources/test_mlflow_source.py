import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lading.model_packaging.inspected import inspected
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.sources.mlflow_source import as_logged


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    """A model of MLflow with a signature."""
    (tmp_path / "model.skops").write_bytes(b"x")
    signature = json.dumps([{"type": "double", "name": "age"}])
    document = {
        "flavors": {"sklearn": {"pickled_model": "model.skops"}},
        "signature": {"inputs": signature},
    }
    (tmp_path / "MLmodel").write_text(yaml.safe_dump(document))
    return ModelSpec("m", tmp_path)


def test_a_model_of_mlflow_is_its_file_with_what_was_logged(spec: ModelSpec) -> None:
    found = as_logged(spec)
    assert (found.source, found.framework) == (spec.source / "model.skops", "scikit-learn")
    assert found.inputs == {"age": InputShape(("batch",), "FP64")}


def test_what_the_manifest_states_comes_first(spec: ModelSpec) -> None:
    stated = {"age": InputShape(("batch",), "FP32")}
    assert as_logged(replace(spec, inputs=stated)).inputs == stated
    assert as_logged(replace(spec, examples=Path("rows.npz"))).inputs == {}


def test_another_source_is_left_as_it_is(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "absent.onnx"):
        spec = ModelSpec("m", source)
        assert as_logged(spec) is spec


def test_a_project_may_begin_from_a_folder_of_mlflow(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "MLmodel").write_text("flavors: {onnx: {data: model.onnx}}")
    assert inspected(ModelSpec("m", tmp_path), None).framework == "onnx"
