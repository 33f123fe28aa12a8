"""What packaging writes for Triton, served by a real Triton and by the service's own container."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lading.functions.inference.artifact.specification import GOLDEN
from lading.functions.inference.tensors.conversion import DTYPES
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.contracts.test_sagemaker_engines import BOTH, NO_TRITON, engine
from tests.model_packaging.graphs.worlds import LOCK, STORE, linear, publish
from tests.support.emulator_sagemaker import serving

pytestmark = pytest.mark.slow

Shape = list[int | str]

MODELS: dict[str, tuple[int, Shape, Shape]] = {
    "rows that are batched": (TensorProto.FLOAT, ["rows", 3], ["rows", 3]),
    "labels, one a row": (TensorProto.INT64, ["rows"], ["rows"]),
    "a batch of its own": (TensorProto.FLOAT, [4, 3], [4, 3]),
    "texts": (TensorProto.STRING, ["rows", 2], ["rows", 2]),
    "another free axis": (TensorProto.FLOAT, ["rows", "columns"], ["rows", "columns"]),
}


def source(root: Path, datatype: int, taken: Shape, given: Shape) -> Path:
    """A model that gives what it gets, under a name that needs care."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["serving_default_x:0"], ["y"])],
        "echo",
        [helper.make_tensor_value_info("serving_default_x:0", datatype, taken)],
        [helper.make_tensor_value_info("y", datatype, given)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = root / "echo.onnx"
    onnx.save_model(model, path)
    return path


@pytest.fixture(params=BOTH)
def kind(request: Any) -> Any:
    return request.param


@pytest.mark.parametrize("model", MODELS)
def test_golden_requests_are_answered_as_they_were_packaged(
    kind: str, model: str, tmp_path: Path
) -> None:
    trained = source(tmp_path, *MODELS[model])
    spec = ModelSpec("echo", trained, target="sagemaker", engine=EngineSpec("triton"))
    packaged = package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    check_golden(kind, packaged, tmp_path)


def check_golden(kind: str, packaged: Packaged, folder: Path) -> None:
    """Compare what an engine answers to golden requests with what packaging recorded."""
    golden = json.loads((Path(packaged.location) / GOLDEN).read_bytes())["requests"]
    with serving(engine(kind, Path(packaged.location) / "engine", folder)) as served:
        for request in golden:
            body = json.dumps({"inputs": request["inputs"]}).encode()
            answer = json.loads(served.invoke(body, ContentType="application/json")["Body"])
            [found], [wanted] = answer["outputs"], request["outputs"]
            assert (found["shape"], found["datatype"]) == (wanted["shape"], wanted["datatype"])
            dtype = DTYPES[wanted["datatype"]]
            assert np.array_equal(np.array(found["data"], dtype), np.array(wanted["data"], dtype))


GRAPH = """\
models:
  first: {source: first.onnx}
  left: {source: left.onnx}
  right: {source: right.onnx}
  g:
    target: sagemaker
    graph:
      inputs: [x]
      nodes:
        root: {sequence: [{use: first, outputs: {y: z}}, both]}
        both:
          ensemble: [{use: left, inputs: {x: z}}, {use: right, inputs: {x: z}}]
          combine: mean
"""


@NO_TRITON
def test_a_graph_at_one_endpoint_is_answered_by_tritons_ensemble_as_it_was_packaged(
    tmp_path: Path,
) -> None:
    chance = np.random.default_rng(0)
    for name, shape in (("first", (6, 5)), ("left", (5, 3)), ("right", (5, 3))):
        publish(tmp_path, name, 1, linear(chance.standard_normal(shape)))
    (tmp_path / "models.yaml").write_text(GRAPH)
    spec = load_manifest(tmp_path / "models.yaml").models["g"]
    packaged = package(spec, LocalStore(tmp_path / STORE), tmp_path / LOCK)
    check_golden("triton", packaged, tmp_path)
