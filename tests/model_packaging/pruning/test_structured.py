import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from functions.inference.session import OnnxSession
from functions.inference.tensors import Array
from model_packaging.pruning.structured import prune_neurons
from tests.model_packaging.pruning.networks import (
    convolutional,
    dense,
    gemm,
    network,
    normal,
    residual,
)


def shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    return {each.name: list(each.dims) for each in model.graph.initializer}


def answer(model: onnx.ModelProto, *inputs: int) -> Array:
    x = normal(5, *inputs, seed=9)
    return OnnxSession(model.SerializeToString()).run({"x": x})["y"]


@pytest.mark.parametrize("model", [dense(), dense("Tanh"), gemm()])
def test_the_neurons_that_hardly_matter_go_and_answers_stay(model: onnx.ModelProto) -> None:
    wanted = answer(model, 16)
    removed, reasons = prune_neurons(model, 0.5, [])
    assert removed == 16
    assert len(reasons) == 1
    assert sorted(shapes(model)["w1"]) == [16, 16]
    assert sorted(shapes(model)["w2"]) == [4, 16]
    assert shapes(model)["b1"] == [16]
    assert np.allclose(answer(model, 16), wanted, atol=1e-3)


def test_channels_go_with_their_normalisation_and_what_is_flattened_of_them() -> None:
    model = convolutional()
    wanted = answer(model, 1, 8, 8)
    assert prune_neurons(model, 0.5, [])[0] == 4 + 3
    assert shapes(model) == {
        "w1": [4, 1, 3, 3],
        "w2": [3, 4, 3, 3],
        "b2": [3],
        "w3": [3 * 16, 4],
        "b3": [4],
        **{key: [4] for key in ("scale", "shift", "mean", "variance")},
    }
    assert np.allclose(answer(model, 1, 8, 8), wanted, atol=1e-3)


def test_an_excluded_layer_stays_as_it_is() -> None:
    model = convolutional()
    prune_neurons(model, 0.5, ["Conv_0"])
    assert shapes(model)["w1"] == [8, 1, 3, 3]
    assert shapes(model)["w2"] == [3, 8, 3, 3]


def test_one_neuron_stays_whatever_is_asked() -> None:
    model = dense()
    assert prune_neurons(model, 0.999, [])[0] == 31
    assert answer(model, 16).shape == (5, 4)


def test_what_needs_all_neurons_is_left_alone_and_told() -> None:
    model = residual()
    before = model.SerializeToString()
    removed, reasons = prune_neurons(model, 0.5, [])
    assert removed == 0
    assert model.SerializeToString() == before
    assert reasons == [
        "MatMul_0: Add 'Add_1' joins it with something else",
        "MatMul_2: Softmax 'Softmax_3' needs all of its neurons",
        "MatMul_4: its answer is the model's",
    ]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([helper.make_node("Add", ["a", "wide"], ["b"])], "is not one a neuron"),
        ([helper.make_node("Mul", ["a", "shared"], ["b"])], "is computed, or shared"),
        ([helper.make_node("LpNormalization", ["a"], ["b"])], "needs all of its neurons"),
        ([helper.make_node("Transpose", ["a"], ["b"], perm=[1, 0])], "needs all of its neurons"),
    ],
)
def test_a_pattern_that_is_not_understood_leaves_the_layer(
    nodes: list[onnx.NodeProto], reason: str
) -> None:
    model = network(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            *nodes,
            helper.make_node("MatMul", ["b", "w2"], ["c"]),
            helper.make_node("Mul", ["c", "shared"], ["y"]),
        ],
        [8],
        8,
        w1=normal(8, 8),
        w2=normal(8, 8),
        wide=normal(5, 8),
        shared=normal(8),
    )
    removed, reasons = prune_neurons(model, 0.5, [])
    assert removed == 0
    assert reason in reasons[0]


def test_products_of_two_paths_of_the_same_neurons_are_pruned_together() -> None:
    model = network(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            helper.make_node("Sigmoid", ["a"], ["b"]),
            helper.make_node("Mul", ["a", "b"], ["c"]),
            helper.make_node("Div", ["c", "two"], ["d"]),
            helper.make_node("MatMul", ["d", "w2"], ["y"]),
        ],
        [8],
        4,
        w1=normal(8, 10),
        two=np.array(2, np.float32),
        w2=normal(10, 4),
    )
    assert prune_neurons(model, 0.5, [])[0] == 5
    kept = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    x = normal(5, 8, seed=9)
    a = x @ kept["w1"]
    assert np.allclose(answer(model, 8), a / (1 + np.exp(-a)) / 2 @ kept["w2"], atol=1e-5)
