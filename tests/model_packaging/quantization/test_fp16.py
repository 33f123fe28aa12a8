"""Every scheme on graphs of every kind, beside onnxruntime on the graph as it was."""

import numpy as np
import onnx
import onnx.version_converter
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.quantization import graphs
from tests.model_packaging.quantization.graphs import WIDTH, normal


def run(model: bytes, rows: Array) -> Array:
    return OnnxSession(model).run({"x": rows})["y"]


@pytest.mark.parametrize(("first", "second"), [(1e4, 5e-7), (1e-2, 2e5)])
def test_weights_that_float16_cannot_hold_stay_as_they_are(first: float, second: float) -> None:
    nodes = [
        onnx.helper.make_node("Mul", ["x", "first"], ["a"]),
        onnx.helper.make_node("MatMul", ["a", "w"], ["m"]),
        onnx.helper.make_node("Mul", ["m", "second"], ["y"]),
    ]
    one, two = np.full(1, first, "f"), np.full(1, second, "f")
    model = graphs.graph(nodes, w=graphs.W / 8, first=one, second=two).SerializeToString()
    rows = normal(20, WIDTH)
    wanted = run(model, rows)
    found = run(quantize("net", model, SCHEMES["fp16"], QuantizationPlan()), rows)
    assert np.abs(found - wanted).max() < 0.005 * np.abs(wanted).max()
