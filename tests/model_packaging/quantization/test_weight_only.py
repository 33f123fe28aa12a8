import numpy as np
import onnx
import pytest
from onnx import helper

from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from lading.model_packaging.quantization.weight_only import SMALLEST
from tests.model_packaging.quantization import graphs


@pytest.mark.parametrize("scheme", ["int4", "int8"])
def test_a_small_matrix_stays_as_it_is_beside_a_large_one(scheme: str) -> None:
    assert graphs.W.size >= SMALLEST
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["a", "small"], ["y"]),
    ]
    small = graphs.normal(graphs.WIDTH, SMALLEST // graphs.WIDTH - 1)
    content = graphs.graph(nodes, w=graphs.W, small=small).SerializeToString()
    made = quantize("m", content, SCHEMES[scheme], QuantizationPlan())
    kept = {each.name: each for each in onnx.load_model_from_string(made).graph.initializer}
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(kept["small"]), small)
    assert "w" not in kept
