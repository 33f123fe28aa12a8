"""onnx's converter of operator sets changes what some models answer: these are real cases."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.onnx_graph import operator_set
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.optimizers.upgrade import OPTIMIZER
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import WIDE, linear, linear_bytes, rows, wide, wide_rows
from tests.model_packaging.trials import trial_of

SPEC = ModelSpec("old", Path("old.onnx"))
SCALES = numpy_helper.from_array(np.array([1, 1, 2, 2.5], np.float32), "scales")


NORMS = [numpy_helper.from_array(np.ones((2, 5, 5), np.float32), name) for name in "sbmv"]


def old(node: onnx.NodeProto, version: int) -> onnx.ModelProto:
    """A model of images, [batch, 2, 5, 5], with some weights at hand."""
    graph = helper.make_graph(
        [node],
        "old",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [each for each in (SCALES, *NORMS) if each.name in node.input],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)


def packaged(folder: Path, model: onnx.ModelProto, **changes: object) -> OnnxSession:
    """The model as it is published."""
    source = folder / "old.onnx"
    source.write_bytes(model.SerializeToString())
    store = LocalStore(folder / "store")
    spec = ModelSpec("old", source, **changes)  # type: ignore[arg-type]
    package(spec, store, folder / "models.lock.json")
    return OnnxSession(store.open("old", 1, None).artifact.model)


CHANGED = {
    "Hardmax over an axis": (helper.make_node("Hardmax", ["x"], ["y"], axis=1), 11),
    "Upsample, linear": (helper.make_node("Upsample", ["x", "scales"], ["y"], mode="linear"), 9),
    "Resize, linear": (helper.make_node("Resize", ["x", "scales"], ["y"], mode="linear"), 10),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_model_that_would_answer_differently_is_served_as_it_is(
    tmp_path: Path, name: str
) -> None:
    model = old(*CHANGED[name])
    images = np.random.default_rng(0).standard_normal((3, 2, 5, 5)).astype(np.float32)
    wanted = OnnxSession(model.SerializeToString()).run({"x": images})["y"]
    newer = onnx.version_converter.convert_version(model, 17)
    wrong = OnnxSession(newer.SerializeToString()).run({"x": images})["y"]
    assert not np.allclose(wanted, wrong)
    found = packaged(tmp_path, model).run({"x": images})["y"]
    assert np.array_equal(found, wanted)


def test_a_model_that_cannot_be_converted_is_served_as_it_is(tmp_path: Path) -> None:
    norm = helper.make_node("BatchNormalization", ["x", *"sbmv"], ["y"], spatial=0)
    model = old(norm, 7)
    with pytest.raises(RuntimeError, match="spatial"):
        onnx.version_converter.convert_version(model, 17)
    images = np.ones((3, 2, 5, 5), np.float32)
    assert np.allclose(packaged(tmp_path, model).run({"x": images})["y"], 1)


@pytest.mark.parametrize("listed", [True, False])
def test_a_file_of_ir_version_3_is_upgraded_and_quantized(tmp_path: Path, *, listed: bool) -> None:
    model = wide()
    model.ir_version, model.opset_import[0].version = 3, 8
    if listed:
        weight = helper.make_tensor_value_info("weight", TensorProto.FLOAT, [WIDE, WIDE])
        model.graph.input.append(weight)
    wanted = OnnxSession(model.SerializeToString()).run({"x": wide_rows()})["scores"]
    served = packaged(tmp_path, model, quantize=QuantizeSpec("dynamic"))
    found = served.run({"x": wide_rows()})["scores"]
    assert np.abs(found - wanted).max() < 1
    assert not np.array_equal(found, wanted)


def optimize(model: onnx.ModelProto) -> Optimized:
    content = model.SerializeToString()
    return OPTIMIZER.optimize(Task(SPEC, lambda _: None, len, trial_of(content)), content)


def test_it_says_which_operator_set_the_model_had_and_has() -> None:
    model = linear()
    model.opset_import[0].version = 9
    done = optimize(model)
    assert done.outcome == "operator set 9 to 17"
    assert done.facts == {"opset": 17}
    assert operator_set(onnx.load_model_from_string(done.model)) == 17
    answer = OnnxSession(done.model).run({"x": rows()})["scores"]
    assert np.array_equal(answer, OnnxSession(linear_bytes()).run({"x": rows()})["scores"])


def test_a_new_operator_set_stays_and_so_does_a_model_of_other_operators_alone() -> None:
    for opsets in ([helper.make_opsetid("", 13)], [helper.make_opsetid("ai.onnx.ml", 1)]):
        model = linear()
        del model.opset_import[:]
        model.opset_import.extend(opsets)
        assert not optimize(model).facts


def test_it_is_for_onnx_files_whatever_they_are_called() -> None:
    assert OPTIMIZER.applies(SPEC)
    assert OPTIMIZER.applies(ModelSpec("m", Path("model.bin"), framework="onnx"))
    assert not OPTIMIZER.applies(ModelSpec("m", Path("model.keras")))
