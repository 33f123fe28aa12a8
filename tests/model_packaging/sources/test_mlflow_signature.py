import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.sources.mlflow_folder import LoggedModel
from lading.model_packaging.sources.mlflow_signature import example_of, inputs_of


def logged(
    entries: Any, framework: str = "scikit-learn", folder: Path = Path(), **more: Any
) -> LoggedModel:
    text = entries if isinstance(entries, str) else json.dumps(entries)
    return LoggedModel(folder, folder, framework, {"signature": {"inputs": text}, **more})


def column(name: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "required": True}


def tensor(dtype: str, shape: list[Any], **more: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **more}


def test_columns_become_inputs_of_their_types_in_their_order() -> None:
    kinds = ("double", "float", "long", "integer", "boolean", "string", "datetime")
    found = inputs_of(logged([column(f"c_{kind}", kind) for kind in kinds]))
    assert list(found) == [f"c_{kind}" for kind in kinds]
    datatypes = [each.datatype for each in found.values()]
    assert datatypes == ["FP64", "FP32", "INT64", "INT32", "BOOL", "BYTES", "BYTES"]
    assert {each.shape for each in found.values()} == {("batch",)}


def test_tensors_become_inputs_of_their_shapes() -> None:
    table = inputs_of(logged([tensor("float64", [-1, 4])]))
    assert table == {"X": InputShape(("batch", 4), "FP64")}
    image = inputs_of(logged([tensor("uint8", [-1, 3, -1, 8])], "pytorch"))
    assert image == {"input": InputShape(("batch", 3, "input_2", 8), "UINT8")}
    two = [tensor("int64", [-1, 8], name="ids"), tensor("float32", [-1], name="size")]
    assert list(inputs_of(logged(two, "pytorch"))) == ["ids", "size"]


@pytest.mark.parametrize("framework", ["onnx", "tensorflow", "huggingface", "xgboost"])
def test_inputs_that_the_models_file_has_are_left_to_it(framework: str) -> None:
    assert inputs_of(logged([column("a", "double")], framework)) == {}


def test_an_exported_program_has_its_inputs() -> None:
    made = logged([tensor("float32", [-1, 3])], "pytorch")
    assert inputs_of(made)
    assert inputs_of(replace(made, path=Path("data/model.pt2"))) == {}


@pytest.mark.parametrize(
    "entries",
    [
        "not JSON",
        "[" * 100_000,
        {},
        [1],
        [{"type": "array", "items": {"type": "string"}, "name": "a"}],
        [column("a", "double"), column("b", "binary")],
        [{"type": "double"}, {"type": "double"}],
        [tensor("complex64", [-1])],
        [tensor("float32", ["a"])],
        [tensor("float32", [0])],
        [{"type": "tensor", "tensor-spec": {"dtype": "float32"}}],
    ],
)
def test_what_no_input_can_have_is_left_to_the_conversion(entries: Any) -> None:
    assert inputs_of(logged(entries)) == {}


@pytest.mark.parametrize(
    ("document", "request_"),
    [
        (
            {"dataframe_split": {"columns": ["a", "b"], "data": [[1.5, "x"], [None, "y"]]}},
            [{"a": 1.5, "b": "x"}, {"a": None, "b": "y"}],
        ),
        ({"columns": ["a"], "data": [[1]]}, [{"a": 1}]),
        ({"inputs": [[1, 2]]}, [[1, 2]]),
        ({"inputs": {"ids": [[1]]}}, {"ids": [[1]]}),
        ([[1, 2]], [[1, 2]]),
    ],
)
def test_an_input_example_becomes_a_request(tmp_path: Path, document: Any, request_: Any) -> None:
    (tmp_path / "input_example.json").write_text(json.dumps(document))
    info = {"artifact_path": "input_example.json", "type": "dataframe"}
    found = example_of(logged([], folder=tmp_path, saved_input_example_info=info))
    assert found is not None
    assert json.loads(found) == {"inputs": request_}


@pytest.mark.parametrize("name", ["../secret.json", "link.json", "absent.json", "large.json", 1])
def test_an_example_that_is_elsewhere_or_unusable_is_left_out(tmp_path: Path, name: Any) -> None:
    folder = tmp_path / "logged"
    folder.mkdir()
    (tmp_path / "secret.json").write_text("[1]")
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    (folder / "large.json").write_text(f"[{' ' * (256 << 10)}1]")
    info = {"artifact_path": name}
    assert example_of(logged([], folder=folder, saved_input_example_info=info)) is None
    assert example_of(logged([], folder=folder)) is None


@pytest.mark.parametrize(
    ("columns", "data"), [(["a"], [1]), (["a"], 5), ([["a"]], [[1]]), (3, [[1]]), (["a"], [[1, 2]])]
)
def test_an_example_that_is_damaged_is_left_out(tmp_path: Path, columns: Any, data: Any) -> None:
    document = {"dataframe_split": {"columns": columns, "data": data}}
    (tmp_path / "example.json").write_text(json.dumps(document))
    info = {"artifact_path": "example.json"}
    assert example_of(logged([], folder=tmp_path, saved_input_example_info=info)) is None
