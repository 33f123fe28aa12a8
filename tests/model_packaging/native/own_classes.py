"""A project whose model is a class of one's own."""

from importlib.metadata import version
from pathlib import Path
from textwrap import dedent

import numpy as np

from lading.model_packaging.building import build_here
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.pipeline import Builder, package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore

MANIFEST = """
models:
  churn:
    engine: python
    source: churn_service
    class: service:Churn
    inputs: {X: {shape: [batch, 2]}}
    outputs: {score: {shape: [batch], datatype: FP32}}
    accuracy: {data: rows.npz, metric: mae, max_drop: 0.0}
"""
SERVICE = r"""
import numpy as np
from weights import read

class Churn:
    def __init__(self, folder):
        self.weights = read(folder / "data" / "weights.json")

    def predict(self, inputs):
        if (inputs["X"] > 1e6).any():
            raise RuntimeError("a row is too large\nits secret")
        return {"score": inputs["X"] @ self.weights}
"""
SORTING = SERVICE.replace(
    'read(folder / "data" / "weights.json")',
    'np.float32(SortedList(read(folder / "data" / "weights.json")))',
).replace("import numpy as np", "import numpy as np\nfrom sortedcontainers import SortedList")
"""The class with a package of its own: its weights are sorted."""
SORTED_CONTAINERS = f"sortedcontainers=={version('sortedcontainers')}"
WEIGHTS = """
import json
import numpy as np

def read(path):
    return np.array(json.loads(path.read_text()), np.float32)
"""


def project(folder: Path, service: str = SERVICE, requirements: str = "") -> ModelSpec:
    """Write a project with one class; return its model."""
    own = folder / "churn_service"
    (own / "data").mkdir(parents=True)
    (own / "service.py").write_text(dedent(service), encoding="utf-8")
    (own / "weights.py").write_text(WEIGHTS, encoding="utf-8")
    (own / "data" / "weights.json").write_text("[0.5, -2.0]", encoding="utf-8")
    pinned = requirements or f"numpy=={np.__version__}  # for arrays\n"
    (own / "requirements.txt").write_text(pinned, encoding="utf-8")
    rows = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    truths = rows @ np.array([0.5, -2.0], np.float32)
    np.savez(folder / "rows.npz", X=rows, y=truths)
    (folder / "models.yaml").write_text(MANIFEST, encoding="utf-8")
    return load_manifest(folder / "models.yaml").models["churn"]


def publish(folder: Path, spec: ModelSpec, builder: Builder = build_here) -> Packaged:
    lock = folder / "models.lock.json"
    return package(spec, LocalStore(folder / "store"), lock, builder=builder)
