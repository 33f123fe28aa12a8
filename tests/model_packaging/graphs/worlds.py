"""Packaged models for tests of graphs, published without a conversion."""

from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, MODEL
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.golden import golden_requests
from lading.model_packaging.check.samples import make_up
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LocalCopy, LockedVersion
from tests.support.worlds import FLOAT, onnx_model, write_artifact

STORE, LOCK = "artifacts", "models.lock.json"


def linear(weight: Array, given: str = "x", returned: str = "y") -> bytes:
    """`y = x @ weight`."""
    from onnx import helper, numpy_helper

    rows, columns = weight.shape
    constant = numpy_helper.from_array(weight.astype(np.float32), "weight_value")
    return onnx_model(
        {given: (FLOAT, ["batch", rows])},
        {returned: (FLOAT, ["batch", columns])},
        helper.make_node("Constant", [], ["weight"], value=constant),
        helper.make_node("MatMul", [given, "weight"], [returned]),
    )


def publish(folder: Path, name: str, version: int, model: bytes, **changes: Any) -> str:
    """Publish a version, label it stable, and return its digest."""
    session = OnnxSession(model)
    golden, _ = golden_requests(make_up(name, session.inputs), session.run, quantized=False)
    files = {MODEL: sha256(model), GOLDEN: sha256(golden)}
    digest = write_artifact(folder / STORE, name, version, model, files=files, **changes)
    (folder / STORE / "models" / name / str(version) / GOLDEN).write_bytes(golden)
    entry = LockedVersion(
        identity=sha256(f"{name} {version}".encode()),
        digest=digest,
        stores=(LocalCopy(path=STORE),),
    )
    record(folder / LOCK, name, version, entry, ["stable"])
    return digest
