"""A predictor answers what fits its signature and says what does not."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from lading.functions.contract.errors import InvalidInput, PredictionFailed, UnexpectedOutput
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import SessionPredictor, open_onnx
from tests.support.worlds import FLOAT, add_sub, echo, onnx_model, write_artifact

A_AND_B = {name: np.full((1, 3), 2, np.float32) for name in ("a", "b")}


def predictor_of(root: Path, model: bytes, **changes: Any) -> SessionPredictor:
    write_artifact(root, "m", 4, model, **changes)
    return open_onnx(read_artifact(root / "models" / "m" / "4"), 4)


def test_metadata_tells_name_version_and_signature(tmp_path: Path) -> None:
    metadata = predictor_of(tmp_path, add_sub()).metadata
    assert (metadata.name, metadata.version, metadata.platform) == ("m", 4, "onnxruntime_onnx")
    assert [spec.name for spec in metadata.inputs] == ["a", "b"]
    assert metadata.output_names() == ("sum", "difference")


def test_all_outputs_are_predicted_unless_some_are_wanted(tmp_path: Path) -> None:
    predictor = predictor_of(tmp_path, add_sub())
    answers = predictor.predict(A_AND_B)
    assert {name: array.tolist() for name, array in answers.items()} == {
        "sum": [[4, 4, 4]],
        "difference": [[0, 0, 0]],
    }
    assert list(predictor.predict(A_AND_B, ["difference"])) == ["difference"]


def test_an_output_that_the_artifact_does_not_offer_stays_hidden(tmp_path: Path) -> None:
    offered = [{"name": "sum", "datatype": "FP32", "shape": [-1, 3]}]
    predictor = predictor_of(tmp_path, add_sub(), outputs=offered)
    assert list(predictor.predict(A_AND_B)) == ["sum"]
    with pytest.raises(UnexpectedOutput):
        predictor.predict(A_AND_B, ["difference"])


def test_an_unknown_output_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnexpectedOutput, match="output 'z'; the model has sum, difference"):
        predictor_of(tmp_path, add_sub()).predict(A_AND_B, ["z"])


def test_a_predictor_that_is_dropped_frees_its_model_at_once(tmp_path: Path) -> None:
    gc.disable()
    try:
        predictor = predictor_of(tmp_path, add_sub())
        predictor.predict(A_AND_B)
        dropped = weakref.ref(predictor)
        del predictor
        assert dropped() is None
    finally:
        gc.enable()


def test_inputs_are_checked_before_the_model_runs(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="input 'b' is missing"):
        predictor_of(tmp_path, add_sub()).predict({"a": A_AND_B["a"]})


@pytest.mark.parametrize("side", ["inputs", "outputs"])
@pytest.mark.parametrize(
    "change", [{"name": "z"}, {"datatype": "INT64"}, {"datatype": "FP8"}], ids=str
)
def test_an_artifact_that_misstates_its_model_is_not_loaded(
    tmp_path: Path, side: str, change: dict[str, str]
) -> None:
    name = "x" if side == "inputs" else "y"
    claimed = [{"name": name, "datatype": "FP32", "shape": [-1, 2], **change}]
    with pytest.raises(ValueError, match="its artifact states"):
        predictor_of(tmp_path, echo(), **{side: claimed})


def test_a_model_that_gives_up_on_a_fitting_request_is_a_failure_of_its_own(tmp_path: Path) -> None:
    at = {"x": (FLOAT, ["n"]), "i": (TensorProto.INT64, ["m"])}
    node = helper.make_node("Gather", ["x", "i"], ["y"])
    predictor = predictor_of(tmp_path, onnx_model(at, {"y": (FLOAT, ["m"])}, node))
    with pytest.raises(PredictionFailed, match="model 'm' version 4 failed to predict"):
        predictor.predict({"x": np.zeros(2, np.float32), "i": np.array([5])})


def sharing_an_axis() -> bytes:
    """`y = a + b`, both of [n, 3]."""
    at = (TensorProto.FLOAT, ["n", 3])
    return onnx_model({"a": at, "b": at}, {"y": at}, helper.make_node("Add", ["a", "b"], ["y"]))


@pytest.mark.parametrize(("rows", "others"), [(2, 3), (1, 3)], ids=["clash", "stretch"])
def test_inputs_that_share_an_axis_must_agree_on_its_size(
    tmp_path: Path, rows: int, others: int
) -> None:
    write_artifact(tmp_path, "m", 1, sharing_an_axis())
    predictor = open_onnx(read_artifact(tmp_path / "models/m/1"), 1)
    inputs = {"a": np.zeros((rows, 3), np.float32), "b": np.zeros((others, 3), np.float32)}
    with pytest.raises(
        InvalidInput, match=f"'b' has size {others} along 'n', input 'a' has {rows}"
    ):
        predictor.predict(inputs)
