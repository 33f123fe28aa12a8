import numpy as np
import onnx
import pytest
from onnx import helper

from lading.model_packaging.pruning.layers import Layer, LayerGraph, attribute
from tests.model_packaging.pruning.networks import dense, gemm, network, normal


def layers(model: onnx.ModelProto) -> list[Layer]:
    return list(LayerGraph(model).layers())


def test_neurons_lie_along_the_columns_of_a_product_and_the_rows_of_a_turned_gemm() -> None:
    assert [(each.inward, each.outward) for each in layers(dense())] == [(0, 1), (0, 1)]
    assert [(each.inward, each.outward) for each in layers(gemm())] == [(1, 0), (1, 0)]
    assert [each.bias for each in layers(gemm())] == ["b1", "b2"]


def test_weights_that_two_nodes_use_make_no_layer() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["y"]),
    ]
    assert layers(network(nodes, [4], 4, w=normal(4, 4))) == []


def test_a_replaced_weight_is_that_of_the_model() -> None:
    model = dense()
    LayerGraph(model).replace("b1", np.zeros(3, np.float32))
    (bias,) = [each for each in model.graph.initializer if each.name == "b1"]
    assert list(bias.dims) == [3]


@pytest.mark.parametrize(("name", "value"), [("transB", 1), ("transA", 9)])
def test_an_attribute_that_is_not_there_has_its_default(name: str, value: int) -> None:
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    assert attribute(node, name, 9) == value
