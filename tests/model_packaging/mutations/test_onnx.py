"""Damaged graphs beside the ONNX files that they were made of, each of which packaging refuses."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.onnx import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.mutations import layers
from tests.model_packaging.mutations.kit import (
    Damage,
    require_refusal,
    require_refused,
    require_sound,
)
from tests.model_packaging.optimizers.test_upgrade import CHANGED, old

IDS, WIDTH, CLASSES = 300, 4, 5
node = helper.make_node


def network() -> ModelProto:
    """Ids and numbers to scores, labels and kept rows, by operators that exporters write."""
    generator = np.random.default_rng(5)
    weights: dict[str, Any] = {
        "table": generator.standard_normal((IDS, WIDTH)),
        "weight": generator.standard_normal((WIDTH, CLASSES)),
        "bias": generator.standard_normal(CLASSES),
        "mean": generator.standard_normal(CLASSES),
        "variance": generator.random(CLASSES) + 0.5,
        "scale": generator.random(CLASSES) + 0.5,
        "shift": generator.standard_normal(CLASSES),
        "edge": np.array(0.625),
        "low": np.array(-1.5),
        "high": np.array(4.0),
        "other": np.array(-2.0),
    }
    nodes = [
        node("Gather", ["table", "ids"], ["vector"]),
        node("Less", ["x", "edge"], ["below"]),
        node("Where", ["below", "x", "other"], ["kept"]),
        node("Clip", ["kept", "low", "high"], ["clipped"]),
        node("Sub", ["clipped", "vector"], ["mixed"]),
        node("Gemm", ["mixed", "weight", "bias"], ["hidden"], alpha=0.5, beta=2.0),
        node("LeakyRelu", ["hidden"], ["active"], alpha=0.2),
        node("BatchNormalization", ["active", "scale", "shift", "mean", "variance"], ["normed"]),
        node("Softmax", ["normed"], ["scores"], axis=1),
        node("LogSoftmax", ["normed"], ["logs"], axis=1),
        node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
        node("ReduceMean", ["x"], ["average"], axes=[1]),
    ]
    rows: list[Any] = ["batch", CLASSES]
    graph = helper.make_graph(
        nodes,
        "network",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", WIDTH]),
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, rows),
            helper.make_tensor_value_info("logs", TensorProto.FLOAT, rows),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("average", TensorProto.FLOAT, ["batch", 1]),
        ],
        [
            numpy_helper.from_array(np.asarray(array, np.float32), name)
            for name, array in weights.items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def detector() -> ModelProto:
    """The rows of `x` whose first column is above a half."""
    graph = helper.make_graph(
        [
            node("Gather", ["x", "first"], ["column"], axis=1),
            node("Greater", ["column", "half"], ["found"]),
            node("Compress", ["x", "found"], ["kept"], axis=0),
        ],
        "detector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("kept", TensorProto.FLOAT, ["found", 3])],
        [
            numpy_helper.from_array(np.array(0), "first"),
            numpy_helper.from_array(np.array(0.5, np.float32), "half"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def converted(folder: Path, model: ModelProto) -> tuple[ModelSpec, Conversion]:
    source = folder / "model.onnx"
    source.write_bytes(model.SerializeToString())
    spec = ModelSpec("m", source)
    return spec, CONVERTER.convert(spec)


def frozen_batch(model: ModelProto) -> None:
    """As of a file that was traced with eight rows."""
    shape = numpy_helper.from_array(np.array([8, WIDTH]), "eight")
    model.graph.initializer.append(shape)
    nodes = list(model.graph.node)
    nodes[4].input[0] = "reshaped"
    nodes.insert(4, node("Reshape", ["clipped", "eight"], ["reshaped"]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


DAMAGES: dict[str, tuple[Callable[[], ModelProto], Damage]] = {
    "a step takes its edge": (network, layers.operator("Less", "LessOrEqual")),
    "a step is one float further": (
        network,
        layers.weight("Less", 1, lambda it: np.nextafter(it, np.float32(9))),
    ),
    "the branches are swapped": (network, layers.swapped_inputs("Where", 1, 2)),
    "the lower bound is lost": (network, layers.weight("Clip", 1, lambda it: it * 1e9)),
    "a difference is the other way": (network, layers.swapped_inputs("Sub", 0, 1)),
    "a bias is lost": (network, layers.weight("Gemm", 2, lambda it: it * 0)),
    "a factor is lost": (network, layers.attribute("Gemm", "alpha", 1.0)),
    "columns are swapped": (network, layers.weight("Gemm", 1, lambda it: it[:, [1, 0, 2, 3, 4]])),
    "a slope is lost": (network, layers.attribute("LeakyRelu", "alpha", 0.0)),
    "a mean is lost": (network, layers.weight("BatchNormalization", 3, lambda it: it * 0)),
    "rows are mixed": (network, layers.attribute("Softmax", "axis", 0)),
    "classes are independent": (network, layers.operator("Softmax", "Sigmoid")),
    "the label is the least likely": (
        network,
        layers.operator("ArgMax", "ArgMin", axis=1, keepdims=0),
    ),
    "an average is a sum": (network, layers.operator("ReduceMean", "ReduceL1")),
    "the last id has another vector": (network, layers.weight("Gather", 0, layers.last_row(0.1))),
    "outputs are swapped": (network, layers.swapped_outputs),
    "the batch is frozen": (network, frozen_batch),
    "a detector takes its edge": (detector, layers.operator("Greater", "GreaterOrEqual")),
    "a detector looks elsewhere": (detector, layers.weight("Gather", 1, lambda it: it + 1)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_mutations_onnx(tmp_path: Path, name: str) -> None:
    make, damage = DAMAGES[name]
    require_refusal(*converted(tmp_path, make()), damage)


@pytest.mark.parametrize("make", [network, detector])
def test_the_same_models_pass_when_nothing_is_damaged(
    tmp_path: Path, make: Callable[[], ModelProto]
) -> None:
    require_sound(*converted(tmp_path, make()))


@pytest.mark.parametrize("name", CHANGED)
def test_what_onnxs_own_upgrade_changes_is_refused(tmp_path: Path, name: str) -> None:
    spec, conversion = converted(tmp_path, old(*CHANGED[name]))
    require_sound(spec, conversion)
    newer = onnx.version_converter.convert_version(onnx.load_model_from_string(conversion.onnx), 17)
    require_refused(spec, conversion, replace(conversion, onnx=newer.SerializeToString()))
