"""Models and rows for the tests of packaging."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec

FEATURES, CLASSES = 16, 4


def weights(seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((FEATURES, CLASSES)).astype(np.float32)


def linear(weight: Array | None = None, operator: str = "MatMul") -> onnx.ModelProto:
    """`scores = x @ weight`, of shapes [batch, 16] and [batch, 4]."""
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "weight"], ["scores"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(weights() if weight is None else weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def linear_bytes(weight: Array | None = None, operator: str = "MatMul") -> bytes:
    return bytes(linear(weight, operator).SerializeToString())


def linear_source(folder: Path, seed: int = 0) -> Path:
    """linear.onnx in `folder`."""
    path = folder / "linear.onnx"
    path.write_bytes(linear_bytes(weights(seed)))
    return path


def rows(count: int = 40) -> Array:
    return np.random.default_rng(1).standard_normal((count, FEATURES)).astype(np.float32)


def linear_holdout(folder: Path, **changes: Any) -> Path:
    """holdout.npz in `folder`: rows that `linear` gets all right, unless changed."""
    path = folder / "holdout.npz"
    given = {"X": rows(), "y": (rows() @ weights()).argmax(axis=1), **changes}
    np.savez(path, **{name: array for name, array in given.items() if array is not None})
    return path


def linear_spec(folder: Path, seed: int = 0, *, gated: bool = True, **changes: Any) -> ModelSpec:
    """The spec of a linear model, its files made in `folder`."""
    source = linear_source(folder, seed)
    gate = AccuracySpec(linear_holdout(folder), "accuracy", 1.0) if gated else None
    return ModelSpec(name="linear", source=source, **{"accuracy": gate, **changes})


def samples(truth: Array, **inputs: Array) -> Samples:
    return Samples("model", "holdout.npz", inputs, len(truth), 0, truth)


WIDE = 128


def wide_weights() -> Array:
    return np.random.default_rng(2).standard_normal((WIDE, WIDE)).astype(np.float32)


def wide(operator: str = "MatMul", weight: Array | None = None) -> onnx.ModelProto:
    """As `linear`, its weights of [128, 128]: enough for every scheme of quantization."""
    weight = wide_weights() if weight is None else weight
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "weight"], ["scores"], name="product")],
        "wide",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", WIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", WIDE])],
        [numpy_helper.from_array(weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def wide_bytes() -> bytes:
    return bytes(wide().SerializeToString())


def wide_rows(count: int = 40) -> Array:
    return np.random.default_rng(3).standard_normal((count, WIDE)).astype(np.float32)


def wide_spec(folder: Path, weight: Array | None = None, **changes: Any) -> ModelSpec:
    """The spec of a wide model with a gate whose rows it gets all right, files in `folder`."""
    weight = wide_weights() if weight is None else weight
    source, data = folder / "wide.onnx", folder / "holdout.npz"
    source.write_bytes(wide(weight=weight).SerializeToString())
    np.savez(data, X=wide_rows(), y=(wide_rows() @ weight).argmax(axis=1))
    gate = AccuracySpec(data, "accuracy", 1.0)
    return ModelSpec(name="wide", source=source, **{"accuracy": gate, **changes})
