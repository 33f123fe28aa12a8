"""Small networks to prune, in which what may go is known."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array

FLOAT = TensorProto.FLOAT


def network(
    nodes: Sequence[onnx.NodeProto], inputs: list[int], outputs: int, **weights: Array
) -> onnx.ModelProto:
    """`x` of [batch, *inputs] to `y` of [batch, outputs]."""
    graph = helper.make_graph(
        list(nodes),
        "network",
        [helper.make_tensor_value_info("x", FLOAT, ["batch", *inputs])],
        [helper.make_tensor_value_info("y", FLOAT, ["batch", outputs])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def faint(weight: Array, axis: int, neurons: Sequence[int]) -> Array:
    """The weights with those of some neurons next to nothing."""
    weight = weight.copy()
    np.moveaxis(weight, axis, 0)[list(neurons)] *= 1e-6
    return weight


def dense(activation: str = "Relu", first: Array | None = None) -> onnx.ModelProto:
    """16 -> 32 -> 4, as scikit-learn's converter writes it; odd neurons hardly matter."""
    first = faint(normal(16, 32), 1, range(1, 32, 2)) if first is None else first
    return network(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            helper.make_node("Add", ["a", "b1"], ["b"]),
            helper.make_node(activation, ["b"], ["c"]),
            helper.make_node("MatMul", ["c", "w2"], ["d"]),
            helper.make_node("Add", ["d", "b2"], ["y"]),
        ],
        [16],
        4,
        w1=first,
        b1=np.where(np.arange(32) % 2, 0, normal(32, seed=1)).astype(np.float32),
        w2=normal(32, 4, seed=2),
        b2=normal(1, 4, seed=3),
    )


def gemm() -> onnx.ModelProto:
    """The same as PyTorch writes it: weights of [neurons, inputs]."""
    plain = {each.name: numpy_helper.to_array(each) for each in dense().graph.initializer}
    return network(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["a"], transB=1),
            helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("Gemm", ["b", "w2", "b2"], ["y"], transB=1),
        ],
        [16],
        4,
        w1=np.ascontiguousarray(plain["w1"].T),
        b1=plain["b1"],
        w2=np.ascontiguousarray(plain["w2"].T),
        b2=plain["b2"][0],
    )


def convolutional() -> onnx.ModelProto:
    """Two convolutions, the first normalized, the second pooled and flattened into a Gemm."""
    scale = np.abs(normal(8, seed=1)) + 0.5
    return network(
        [
            helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
            helper.make_node(
                "BatchNormalization", ["a", "scale", "shift", "mean", "variance"], ["b"]
            ),
            helper.make_node("Relu", ["b"], ["c"]),
            helper.make_node("Conv", ["c", "w2", "b2"], ["d"], pads=[1, 1, 1, 1]),
            helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Flatten", ["e"], ["f"]),
            helper.make_node("Gemm", ["f", "w3", "b3"], ["y"]),
        ],
        [1, 8, 8],
        4,
        w1=faint(normal(8, 1, 3, 3), 0, range(4)),
        scale=scale,
        shift=np.where(np.arange(8) < 4, 0, normal(8, seed=2)).astype(np.float32),
        mean=np.zeros(8, np.float32),
        variance=np.ones(8, np.float32),
        w2=faint(normal(6, 8, 3, 3, seed=3), 0, [1, 3, 5]),
        b2=np.where(np.arange(6) % 2, 0, normal(6, seed=4)).astype(np.float32),
        w3=normal(6 * 16, 4, seed=5),
        b3=normal(4, seed=6),
    )


def residual() -> onnx.ModelProto:
    """A layer whose answer is added to its input, and whose sum is normalized."""
    return network(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            helper.make_node("Add", ["a", "x"], ["b"]),
            helper.make_node("MatMul", ["b", "w2"], ["c"]),
            helper.make_node("Softmax", ["c"], ["d"]),
            helper.make_node("MatMul", ["d", "w3"], ["y"]),
        ],
        [16],
        4,
        w1=normal(16, 16),
        w2=normal(16, 8),
        w3=normal(8, 4),
    )
