"""Graphs that quantizers have got wrong: one of each kind, with `x` as input and `y` as output."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array

WIDTH = 64
_NODE = helper.make_node


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def graph(
    nodes: Sequence[onnx.NodeProto],
    rows: Sequence[int | str] = ("batch", WIDTH),
    opset: int = 17,
    ir: int = 8,
    **weights: Array,
) -> onnx.ModelProto:
    """A model; of IR 3, as such files are: its weights are inputs, too."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(rows))]
    if ir < 4:
        inputs += [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in weights.items()
        ]
    made = helper.make_graph(
        list(nodes),
        "graph",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


W, V, B = normal(WIDTH, WIDTH, seed=1), normal(WIDTH, WIDTH, seed=2), normal(WIDTH, seed=3)


def gemm(bias: Array | None = B, inputs: str = "x w b", **attributes: Any) -> onnx.ModelProto:
    names = inputs.split()
    given = {"w": W} if bias is None else {"w": W, "b": bias}
    return graph([_NODE("Gemm", names, ["y"], **attributes)], ("batch", WIDTH), 17, 8, **given)


def shared() -> onnx.ModelProto:
    """One matrix and one bias, which four products take in four ways."""
    nodes = [
        _NODE("Gemm", ["x", "w", "b"], ["c"], alpha=0.1),
        _NODE("Gemm", ["c", "w", "b"], ["d"], transB=1, beta=3.0, alpha=0.1),
        _NODE("MatMul", ["d", "w"], ["e"]),
        _NODE("Gemm", ["e", "w", "b"], ["y"]),
    ]
    return graph(nodes, w=W, b=100 * B)


def embedding(axis: int = 0, *, tied: bool = False) -> onnx.ModelProto:
    """Rows that pick columns of a table; `tied` multiplies by the same table again."""
    nodes = [
        _NODE("ArgMax", ["x"], ["ids"], axis=1, keepdims=0),
        _NODE("Gather", ["table", "ids"], ["g"], axis=axis),
        *([_NODE("Transpose", ["g"], ["r"], perm=[1, 0])] if axis else []),
        _NODE("Add", ["r" if axis else "g", "x"], ["a"]),
        _NODE("Gemm", ["a", "table" if tied else "v"], ["y"], transB=1),
    ]
    return graph(nodes, table=np.ascontiguousarray(W * np.geomspace(0.1, 1, WIDTH, dtype="f")), v=V)


def branches(opset: int = 17, ir: int = 8) -> onnx.ModelProto:
    """Branches with products of their own, and of a weight outside."""
    inside = helper.make_tensor_value_info
    then = helper.make_graph(
        [_NODE("MatMul", ["x", "v"], ["t"], name="dense")],
        "then",
        [],
        [inside("t", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(V, "v")],
    )
    other = helper.make_graph(
        [_NODE("Gemm", ["x", "w", "b"], ["e"], alpha=2.0, beta=0.5, name="dense")],
        "else",
        [],
        [inside("e", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(B, "b")],
    )
    nodes = [
        _NODE("ReduceSum", ["x"], ["s"], keepdims=0),
        _NODE("Greater", ["s", "zero"], ["c"]),
        _NODE("If", ["c"], ["i"], then_branch=then, else_branch=other),
        _NODE("MatMul", ["i", "w"], ["y"], name="dense"),
    ]
    return graph(nodes, opset=opset, ir=ir, w=W, zero=np.zeros((), "f"))


def loop() -> onnx.ModelProto:
    """Two rounds of a product whose weight is taken outside, too."""
    inside = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            _NODE("MatMul", ["s", "w"], ["p"]),
            _NODE("Tanh", ["p"], ["s2"]),
            _NODE("Identity", ["go"], ["go2"]),
        ],
        "body",
        [
            inside("i", TensorProto.INT64, []),
            inside("go", TensorProto.BOOL, []),
            inside("s", TensorProto.FLOAT, None),
        ],
        [inside("go2", TensorProto.BOOL, []), inside("s2", TensorProto.FLOAT, None)],
    )
    nodes = [
        _NODE("MatMul", ["x", "w"], ["m"]),
        _NODE("Loop", ["rounds", "", "m"], ["y"], body=body),
    ]
    return graph(nodes, w=W / 20, rounds=np.array(1))


def scan() -> onnx.ModelProto:
    """One step of a recurrent network over rows of [batch, length, width]."""
    inside = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            _NODE("MatMul", ["xi", "w"], ["p"]),
            _NODE("Add", ["s", "p"], ["s2"]),
            _NODE("Identity", ["s2"], ["o"]),
        ],
        "body",
        [inside("s", TensorProto.FLOAT, ["b", 64]), inside("xi", TensorProto.FLOAT, ["b", 64])],
        [inside("s2", TensorProto.FLOAT, ["b", 64]), inside("o", TensorProto.FLOAT, ["b", 64])],
    )
    nodes = [
        _NODE("Transpose", ["x"], ["xt"], perm=[1, 0, 2]),
        _NODE("Gather", ["xt", "first"], ["x0"]),
        _NODE("MatMul", ["x0", "w"], ["s0"]),
        _NODE("Scan", ["s0", "xt"], ["y", "all"], body=body, num_scan_inputs=1),
    ]
    return graph(nodes, ("batch", "length", WIDTH), w=W, first=np.array(0))


def recurrent(*, bidirectional: bool = False) -> onnx.ModelProto:
    """Two LSTMs with the same weights, one after the other."""
    sides = 2 if bidirectional else 1
    kind = {"direction": "bidirectional"} if bidirectional else {}
    nodes = [
        _NODE("LSTM", ["x", "w", "r", "b"], ["a"], hidden_size=WIDTH // sides, **kind),
        _NODE("Transpose", ["a"], ["t"], perm=[0, 2, 1, 3]),
        _NODE("Reshape", ["t", "shape"], ["s"]),
        _NODE("LSTM", ["s", "w", "r", "b"], ["", "y"], hidden_size=WIDTH // sides, **kind),
    ]
    gates = 4 * WIDTH // sides
    return graph(
        nodes,
        ("length", "batch", WIDTH),
        w=normal(sides, gates, WIDTH, seed=4) / 8,
        r=normal(sides, gates, WIDTH // sides, seed=5) / 8,
        b=normal(sides, 2 * gates, seed=6),
        shape=np.array([0, 0, -1]) if sides == 1 else np.array([0, -1, WIDTH]),
    )


def convolution(rank: int = 2, operator: str = "Conv", **attributes: Any) -> onnx.ModelProto:
    """One convolution of 4 to 8 channels, whose channels differ much in size."""
    groups = attributes.get("group", 1)
    sizes = (8, 4 // groups) if operator == "Conv" else (4, 8 // groups)
    weight = normal(*sizes, *[3] * rank, seed=7)
    nodes = [_NODE(operator, ["x", "w", "b"], ["y"], **attributes)]
    return graph(nodes, ("batch", 4, *[8] * rank), w=weight, b=normal(8, seed=8))


def two_convolutions() -> onnx.ModelProto:
    """Two convolutions with one weight and one bias, the second far larger inside."""
    nodes = [
        _NODE("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1]),
        _NODE("Mul", ["a", "factor"], ["m"]),
        _NODE("Conv", ["m", "w", "b"], ["y"], pads=[1, 1, 1, 1]),
    ]
    weight, bias, factor = normal(4, 4, 3, 3, seed=7), normal(4, seed=8), np.full(1, 500, "f")
    return graph(nodes, ("batch", 4, 8, 8), w=weight, b=bias, factor=factor)


def old(opset: int) -> onnx.ModelProto:
    """Operators whose bounds and sizes were attributes in old operator sets."""
    nodes = [
        _NODE("Gemm", ["x", "w", "b"], ["a"], beta=0.5),
        _NODE("Clip", ["a"], ["c"], min=-1.0, max=6.0),
        _NODE("Pad", ["c"], ["p"], pads=[0, 1, 0, 1], value=2.0),
        _NODE("Slice", ["p"], ["s"], starts=[1], ends=[65], axes=[1]),
        _NODE("Unsqueeze", ["s"], ["u"], axes=[1]),
        _NODE("Squeeze", ["u"], ["q"], axes=[1]),
        _NODE("MatMul", ["q", "v"], ["m"]),
        _NODE("Softmax", ["m"], ["y"], axis=1),
    ]
    ir = 3 if opset < 9 else 4
    return graph(nodes, opset=opset, ir=ir, w=W, b=B, v=V / 64)


def stack(*shape: int) -> onnx.ModelProto:
    """A product by several matrices at once."""
    axes: list[int | str] = ["batch", *shape[:-2], 5, WIDTH]
    return graph([_NODE("MatMul", ["x", "w"], ["y"])], axes, w=normal(*shape, seed=9))


def masked(every: int = 7) -> onnx.ModelProto:
    """Scores, some of which a mask of float32's lowest number takes out; of every 1, all."""
    mask = np.where(np.arange(WIDTH) % every == 0, np.finfo("f").min, 0).astype(np.float32)
    nodes = [
        _NODE("MatMul", ["x", "w"], ["a"]),
        _NODE("Sub", ["a", "shift"], ["s"]),
        _NODE("Add", ["s", "mask"], ["m"]),
        _NODE("Softmax", ["m"], ["p"]),
        _NODE("MatMul", ["p", "v"], ["y"]),
    ]
    return graph(nodes, w=W / 16, shift=np.full(1, 10, "f"), mask=mask, v=V)


def scaled(scale: float) -> onnx.ModelProto:
    """Two layers; weights of this size, of which the next layer takes the inverse."""
    nodes = [
        _NODE("MatMul", ["x", "w"], ["a"]),
        _NODE("Mul", ["a", "small"], ["s"]),
        _NODE("MatMul", ["s", "v"], ["y"]),
    ]
    return graph(nodes, w=W / 8, small=np.full(1, 1 / scale, "f"), v=np.float32(scale) * V)
