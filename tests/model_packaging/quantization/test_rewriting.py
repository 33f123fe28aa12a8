from onnx import helper

from lading.model_packaging.quantization.rewriting import rewritten
from tests.model_packaging.quantization import graphs

NODES = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Add", ["a", "b"], ["y"])]


def test_a_product_takes_its_bias_in_unless_that_rule_is_disabled() -> None:
    model = graphs.graph(NODES, w=graphs.W, b=graphs.B)
    assert [node.op_type for node in rewritten(model, {}).graph.node] == ["Gemm"]
    kept = rewritten(model, {}, ["MatMulAddFusion"])
    assert [node.op_type for node in kept.graph.node] == ["MatMul", "Add"]
