"""A project with a teacher in the lock, rows for it, and a student of its answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore

COLUMNS, CLASSES = 4, 3
Project = Callable[..., ModelSpec]


def weights() -> Array:
    return np.random.default_rng(1).normal(size=(COLUMNS, CLASSES)).astype(np.float32) * 3


def rows(count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(count, COLUMNS)).astype(np.float32)


def linear(scale: float = 1.0, outputs: int = CLASSES) -> bytes:
    """A teacher that answers logits: `x @ weights`."""
    shape = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", COLUMNS])]
    answer = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", outputs])]
    stored = numpy_helper.from_array(weights()[:, :outputs] * np.float32(scale), "weights")
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["scores"])]
    graph = helper.make_graph(nodes, "linear", shape, answer, [stored])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write a project whose model `small` learns from `large`; return `small`."""

    def write(
        teacher: bytes | None = None,
        data: Array | None = None,
        model: dict[str, Any] | None = None,
        max_drop: float = 0.2,
        teacher_keys: dict[str, Any] | None = None,
        **keys: Any,
    ) -> ModelSpec:
        (tmp_path / "large.onnx").write_bytes(teacher or linear())
        np.savez(tmp_path / "rows.npz", x=rows(400) if data is None else data)
        held = rows(200, 7)
        np.savez(tmp_path / "held.npz", x=held, y=(held @ weights()).argmax(axis=1))
        gate = {"data": "held.npz", "metric": "accuracy", "max_drop": max_drop}
        distill = {"teacher": "large", "data": "rows.npz", **keys}
        models = {
            "large": {"source": "large.onnx", **(teacher_keys or {})},
            "small": {"accuracy": gate, "distill": distill, **(model or {})},
        }
        path = tmp_path / "models.yaml"
        path.write_text(yaml.safe_dump({"models": models}))
        return load_manifest(path).models["small"]

    return write


def publish_teacher(folder: Path) -> None:
    spec = load_manifest(folder / "models.yaml").models["large"]
    package(spec, LocalStore(folder / "artifacts"), folder / "models.lock.json")
