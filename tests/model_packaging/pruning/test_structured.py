from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.pruning.structured import prune_neurons
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


def test_channels_go_with_their_normalization_and_what_is_flattened_of_them() -> None:
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
        "MatMul_0: Add 'Add_1' combines it with something else",
        "MatMul_2: Softmax 'Softmax_3' needs all of its neurons",
        "MatMul_4: its output is the model's output",
    ]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([helper.make_node("Add", ["a", "wide"], ["b"])], "not have one number for each neuron"),
        ([helper.make_node("Mul", ["a", "shared"], ["b"])], "is computed or shared"),
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


def node(operator: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def captured() -> onnx.ModelProto:
    """A layer whose answer, and another whose weight, a branch takes too."""
    value = helper.make_tensor_value_info("t", onnx.TensorProto.FLOAT, None)
    other = helper.make_tensor_value_info("e", onnx.TensorProto.FLOAT, None)
    then = helper.make_graph([node("MatMul", "a w2", "t")], "then", [], [value])
    otherwise = helper.make_graph([node("Mul", "c minus", "e")], "else", [], [other])
    return network(
        [
            node("MatMul", "x w1", "a"),
            node("Relu", "a", "b"),
            node("MatMul", "b w2", "c"),
            node("ReduceSum", "x", "s", keepdims=0),
            node("Greater", "s zero", "go"),
            node("If", "go", "y", then_branch=then, else_branch=otherwise),
        ],
        [8],
        4,
        w1=normal(8, 8),
        w2=normal(8, 4),
        zero=np.array(0, np.float32),
        minus=np.array(-1, np.float32),
    )


def beside() -> onnx.ModelProto:
    """A layer whose answer is multiplied with a turned one of itself."""
    return network(
        [node("MatMul", "x w1", "a"), node("Gemm", "a w2", "y", transA=1)],
        [8],
        4,
        w1=normal(8, 5),
        w2=normal(5, 4),
    )


def sequence(length: int) -> onnx.ModelProto:
    """A dense layer at each place of a sequence, flattened into another."""
    return network(
        [
            node("MatMul", "x w1", "a"),
            node("Relu", "a", "b"),
            node("Flatten", "b", "c"),
            node("MatMul", "c w2", "y"),
        ],
        [length, 8],
        4,
        w1=normal(8, 6),
        w2=normal(6 * length, 4),
    )


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (captured(), "a branch or a loop uses its output"),
        (beside(), "transposed"),
        (sequence(3), "uses 18 numbers of 6 neurons"),
    ],
)
def test_a_layer_whose_neurons_do_not_lie_where_the_next_takes_them_is_left_alone(
    model: onnx.ModelProto, reason: str
) -> None:
    before = model.SerializeToString()
    removed, reasons = prune_neurons(model, 0.5, [])
    assert removed == 0
    assert reason in reasons[0]
    assert model.SerializeToString() == before


def convolutional_of(rank: int, **weights: Array) -> onnx.ModelProto:
    """Two convolutions of this many axes with a number a channel between them."""
    kernel = [3] * rank
    return network(
        [
            node("Conv", "x w1", "a"),
            node("Mul", "a each", "b"),
            node("Conv", "b w2", "c"),
            node("GlobalAveragePool", "c", "d"),
            node("Flatten", "d", "e"),
            node("Gemm", "e w3 b3", "y", alpha=2.0, beta=0.5),
        ],
        [1, *[8] * rank],
        4,
        w1=normal(4, 1, *kernel),
        w2=normal(6, 4, *kernel, seed=1),
        w3=normal(6, 4, seed=2),
        b3=normal(4, seed=3),
        **weights,
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("leading", [0, 1])
def test_channels_are_found_in_convolutions_of_any_rank(rank: int, leading: int) -> None:
    each = normal(4, seed=4).reshape(*[1] * leading, 4, *[1] * rank)
    model = convolutional_of(rank, each=each)
    silenced = onnx.ModelProto()
    silenced.CopyFrom(model)
    removed, _ = prune_neurons(model, 0.5, [], silenced)
    assert removed == 2 + 3
    assert sorted(shapes(model)["each"]) == sorted([*[1] * (leading + rank), 2])
    rows = [1, *[8] * rank]
    assert np.allclose(answer(model, *rows), answer(silenced, *rows), atol=1e-4)


def test_a_constant_for_each_place_is_not_one_for_each_channel() -> None:
    """Of [batch, 4, 4, 6, 6], a constant of [4, 1, 1] lies along the third axis."""
    model = convolutional_of(3, each=normal(4, 1, 1))
    del model.graph.input[0].type.tensor_type.shape.dim[2:]
    model.graph.input[0].type.tensor_type.shape.dim.extend(
        [onnx.TensorShapeProto.Dimension(dim_value=size) for size in (6, 8, 8)]
    )
    _, reasons = prune_neurons(model, 0.5, [])
    assert "not have one number for each neuron" in reasons[0]
    assert shapes(model)["w1"][0] == 4


def test_one_number_as_bias_serves_the_neurons_that_stay() -> None:
    model = network(
        [node("Gemm", "x w1 b1", "a"), node("Relu", "a", "b"), node("MatMul", "b w2", "y")],
        [8],
        4,
        w1=normal(8, 6),
        b1=np.array(0.5, np.float32),
        w2=normal(6, 4),
    )
    silenced = onnx.ModelProto()
    silenced.CopyFrom(model)
    assert prune_neurons(model, 0.5, [], silenced)[0] == 3
    assert np.allclose(answer(model, 8), answer(silenced, 8), atol=1e-5)


def test_weights_that_callers_see_stay_as_they_are() -> None:
    model = dense()
    seen = helper.make_tensor_value_info("w2", onnx.TensorProto.FLOAT, [32, 4])
    model.graph.output.append(seen)
    assert prune_neurons(model, 0.5, [])[0] == 0


@pytest.mark.parametrize(
    ("model", "rows"), [(dense(), [16]), (gemm(), [16]), (convolutional(), [1, 8, 8])]
)
def test_a_pruned_model_answers_as_one_whose_neurons_are_silent(
    model: onnx.ModelProto, rows: list[int]
) -> None:
    silenced = onnx.ModelProto()
    silenced.CopyFrom(model)
    prune_neurons(model, 0.75, [], silenced)
    assert shapes(silenced) != shapes(model)
    assert np.allclose(answer(model, *rows), answer(silenced, *rows), atol=1e-4)
