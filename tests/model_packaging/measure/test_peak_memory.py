import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.peak_memory import MeasurementFailed, measure
from tests.model_packaging.models import linear_bytes, rows

MEGABYTE = 1 << 20


def echo(datatype: int, weight: Array | None = None) -> bytes:
    """A model that gives back what it gets, with weights that it does not use."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "echo",
        [helper.make_tensor_value_info("x", datatype, ["rows"])],
        [helper.make_tensor_value_info("y", datatype, ["rows"])],
        [] if weight is None else [numpy_helper.from_array(weight, "unused")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_a_model_is_measured_in_a_process_of_its_own() -> None:
    held = np.ones(400 * MEGABYTE, np.uint8)  # this process's memory is not the model's
    found = measure("m", [linear_bytes()], {"x": rows(1)})
    assert held[-1] == 1
    assert 20 * MEGABYTE < found.peak_bytes < 300 * MEGABYTE
    assert found.one_processor_ms > 0
    assert found.request_bytes == 16 * 4 + 4 * 4


def test_a_larger_model_takes_more_memory() -> None:
    small = measure("m", [echo(TensorProto.FLOAT)], {"x": rows(1)[0]})
    weights = np.random.default_rng(0).integers(0, 255, 100 * MEGABYTE).astype(np.uint8)
    large = measure("m", [echo(TensorProto.FLOAT, weights)], {"x": rows(1)[0]})
    assert large.peak_bytes - small.peak_bytes > 90 * MEGABYTE


def test_texts_are_measured_too() -> None:
    texts = np.array([b"a", "é".encode()], np.object_)
    assert measure("m", [echo(TensorProto.STRING)], {"x": texts}).one_processor_ms > 0


def test_a_model_that_cannot_run_is_one_clear_error() -> None:
    with pytest.raises(MeasurementFailed, match=r"model 'm' could not be measured: .*SessionError"):
        measure("m", [b"no model"], {"x": rows(1)})
