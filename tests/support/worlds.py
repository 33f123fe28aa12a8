"""Worlds for tests: tiny ONNX models, and artifacts made of them without the packaging."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import BASELINE, GOLDEN, MODEL, SPECIFICATION
from lading.functions.inference.models.session import OnnxSession

FLOAT, STRING = TensorProto.FLOAT, TensorProto.STRING
HALF, BRAIN = TensorProto.FLOAT16, TensorProto.BFLOAT16
ELEMENTS = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BF16": TensorProto.BFLOAT16,
    "BYTES": TensorProto.STRING,
}
"""Open Inference Protocol datatype -> ONNX's element type."""


def onnx_model(
    inputs: Mapping[str, tuple[int, list[Any]]],
    outputs: Mapping[str, tuple[int, list[Any]]],
    *nodes: onnx.NodeProto,
) -> bytes:
    """A serialized model: names -> (element type, shape), and the nodes between."""

    def values(side: Mapping[str, tuple[int, list[Any]]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, *spec) for name, spec in side.items()]

    graph = helper.make_graph(list(nodes), "graph", values(inputs), values(outputs))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def echo(element: int = FLOAT, shape: list[Any] | None = None) -> bytes:
    """`y = x`."""
    at = (element, ["batch", 2] if shape is None else shape)
    return onnx_model({"x": at}, {"y": at}, helper.make_node("Identity", ["x"], ["y"]))


def echo_named(given: str, answered: str, element: int, shape: list[Any]) -> bytes:
    """`answered = given`."""
    at = (element, shape)
    node = helper.make_node("Identity", [given], [answered])
    return onnx_model({given: at}, {answered: at}, node)


def add_sub(*, swapped: bool = False) -> bytes:
    """Triton's `simple`: `sum = a + b`, `difference = a - b`, both of [batch, 3]; or swapped."""
    operations = ("Sub", "Add") if swapped else ("Add", "Sub")
    at = (FLOAT, ["batch", 3])
    return onnx_model(
        {"a": at, "b": at},
        {"sum": at, "difference": at},
        helper.make_node(operations[0], ["a", "b"], ["sum"]),
        helper.make_node(operations[1], ["a", "b"], ["difference"]),
    )


def times(factor: float) -> bytes:
    """`y = factor * x`, any shape of rank 2; a stand-in for a version of a model."""
    constant = helper.make_tensor("factor", FLOAT, [], [factor])
    at = (FLOAT, ["batch", "width"])
    return onnx_model(
        {"x": at},
        {"y": at},
        helper.make_node("Constant", [], ["k"], value=constant),
        helper.make_node("Mul", ["x", "k"], ["y"]),
    )


def of_tokens() -> bytes:
    """An embedding of tokens: the sum of those that are there, and how many there are."""
    at = (TensorProto.INT64, ["batch", "tokens"])
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    return onnx_model(
        {"input_ids": at, "attention_mask": at},
        {"embedding": (FLOAT, ["batch", 2])},
        helper.make_node("Constant", [], ["axis"], value=axis),
        helper.make_node("Cast", ["input_ids"], ["ids"], to=FLOAT),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=FLOAT),
        helper.make_node("Mul", ["ids", "mask"], ["there"]),
        helper.make_node("ReduceSum", ["there", "axis"], ["sum"], keepdims=1),
        helper.make_node("ReduceSum", ["mask", "axis"], ["count"], keepdims=1),
        helper.make_node("Concat", ["sum", "count"], ["embedding"], axis=1),
    )


def detector(*outputs: str) -> bytes:
    """What is above 0 in `x` [n]: a `box` [found, 4] and a `label` [found] each, their `count` [1].

    `outputs` names those that there are; all when it names none.
    """
    found: dict[str, tuple[int, list[Any]]] = {
        "box": (FLOAT, ["found", 4]),
        "label": (STRING, ["found"]),
        "count": (TensorProto.INT64, [1]),
    }
    constants = [
        helper.make_tensor("zero", FLOAT, [], [0.0]),
        helper.make_tensor("none", TensorProto.INT64, [], [0]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        numpy_helper.from_array(np.array(["cat"], np.object_), "names"),
    ]
    return onnx_model(
        {"x": (FLOAT, ["n"])},
        {name: found[name] for name in outputs or found},
        *[helper.make_node("Constant", [], [each.name], value=each) for each in constants],
        helper.make_node("Greater", ["x", "zero"], ["above"]),
        helper.make_node("Compress", ["x", "above"], ["kept"], axis=0),
        helper.make_node("Unsqueeze", ["kept", "axis"], ["column"]),
        helper.make_node("Concat", ["column"] * 4, ["box"], axis=1),
        helper.make_node("Cast", ["kept"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Mul", ["whole", "none"], ["class"]),
        helper.make_node("Gather", ["names", "class"], ["label"]),
        helper.make_node("Shape", ["kept"], ["count"]),
    )


def constant() -> bytes:
    """A model without inputs: `y` is [[1, 2]]."""
    value = helper.make_tensor("value", FLOAT, [1, 2], [1.0, 2.0])
    node = helper.make_node("Constant", [], ["y"], value=value)
    return onnx_model({}, {"y": (FLOAT, [1, 2])}, node)


def brain_doubled() -> bytes:
    """`y = x + x`, both BF16; FP32 between, as onnxruntime has few operators for BF16."""
    at = (BRAIN, ["batch", 2])
    return onnx_model(
        {"x": at},
        {"y": at},
        helper.make_node("Cast", ["x"], ["wide"], to=FLOAT),
        helper.make_node("Add", ["wide", "wide"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["y"], to=BRAIN),
    )


def countdown() -> bytes:
    """`y = x`, after as many rounds of nothing as `rounds` says; a stand-in for a slow model."""
    flag = helper.make_tensor_value_info("go", TensorProto.BOOL, [])
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in ("go", "held")]
    body = helper.make_graph(
        nodes,
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            flag,
            helper.make_tensor_value_info("held", FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("held_out", FLOAT, [1]),
        ],
    )
    return onnx_model(
        {"rounds": (TensorProto.INT64, [1]), "x": (FLOAT, [1])},
        {"y": (FLOAT, [1])},
        helper.make_node("Loop", ["rounds", "", "x"], ["y"], body=body),
    )


def write_artifact(root: Path, name: str, version: int, model: bytes, /, **changes: Any) -> str:
    """An artifact at `root/models/<name>/<version>`; returns its digest."""
    session = OnnxSession(model)
    document = {
        "format_version": 1,
        "name": name,
        "identity": sha256(model),
        "inputs": [spec.to_json() for spec in session.inputs],
        "outputs": [spec.to_json() for spec in session.outputs],
        "files": {MODEL: sha256(model)},
        **changes,
    }
    folder = root / "models" / name / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(model)
    content = json.dumps(document).encode()
    (folder / SPECIFICATION).write_bytes(content)
    return sha256(content)


def write_golden(root: Path, name: str, version: int, model: bytes, answer: list[float]) -> str:
    """An artifact of one input `x` and one output `y`, both [1, 2], with a golden request."""
    x = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}
    request = {"inputs": [x], "outputs": [{**x, "name": "y", "data": answer}]}
    golden = json.dumps({"tolerance": {}, "requests": [request]}).encode()
    files = {MODEL: sha256(model), GOLDEN: sha256(golden)}
    digest = write_artifact(root, name, version, model, files=files)
    (root / "models" / name / str(version) / GOLDEN).write_bytes(golden)
    return digest


def write_signed(
    root: Path, name: str, version: int, models: Mapping[str, bytes], aliases: Mapping[str, str]
) -> str:
    """An artifact of several signatures, each with its model; the first answers unasked."""
    (first, model), *others = models.items()
    folder, files, entries = root / "models" / name / str(version), {MODEL: sha256(model)}, []
    folder.mkdir(parents=True)
    for number, (other, content) in enumerate(others, 1):
        file, session = f"signature-{number}.onnx", OnnxSession(content)
        (folder / file).write_bytes(content)
        files[file] = sha256(content)
        inputs, outputs = (
            [spec.to_json() for spec in specs] for specs in (session.inputs, session.outputs)
        )
        entries.append({"name": other, "inputs": inputs, "outputs": outputs, "file": file})
    entries += [{"name": alias, "alias": of} for alias, of in aliases.items()]
    signatures = [{"name": first, "method": "tensorflow/serving/predict"}, *entries]
    return write_artifact(root, name, version, model, files=files, signatures=signatures)


def settings_for(root: Path, models: Mapping[str, Mapping[int, bytes]]) -> ServingSettings:
    """Write each model's versions below `root`; the first version of each is stable."""
    served = []
    for name, versions in models.items():
        digests = {
            version: write_artifact(root, name, version, model)
            for version, model in versions.items()
        }
        served.append(ServedModel(name, digests, {"stable": min(versions)}))
    return ServingSettings(models=tuple(served), model_root=str(root))


BASELINE_OF_ECHO: Final = {
    "version": 1,
    "rows": 90,
    "features": [
        {
            "tensor": tensor,
            "side": side,
            "view": "columns",
            "edges": [[0.0, 10.0], [0.0, 10.0]],
            "expected": [[0, 90, 0, 0], [0, 90, 0, 0]],
        }
        for tensor, side in (("x", "inputs"), ("y", "outputs"))
    ],
}
"""The baseline of `echo` for rows of two numbers from 0 to 10."""


def with_baseline(root: Path, name: str = "m", version: int = 1) -> ServingSettings:
    """Write an `echo` with `BASELINE_OF_ECHO`, and return the settings that serve it."""
    content, model = json.dumps(BASELINE_OF_ECHO).encode(), echo()
    files = {MODEL: sha256(model), BASELINE: sha256(content)}
    digest = write_artifact(root, name, version, model, files=files)
    (root / "models" / name / str(version) / BASELINE).write_bytes(content)
    return ServingSettings((ServedModel(name, {version: digest}),), str(root))
