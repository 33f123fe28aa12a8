"""Warming the models before Lambda takes its snapshot, so that no restored copy is a cold one.

The golden requests are answered once, as the plain dialect answers them, without log or metrics:
onnxruntime makes its buffers at the first prediction, and the snapshot holds them.
Nothing must be renewed after a restore: the service holds no connection, and takes its random
numbers from the operating system.
"""

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from lading.functions.inference.dialects import plain
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import Predictor


def before_snapshot(action: Callable[[], object]) -> None:
    """Have `action` run before a snapshot; without SnapStart it never does."""
    try:
        hooks = import_module("snapshot_restore_py")  # a part of Lambda's runtime
    except ModuleNotFoundError:
        return
    hooks.register_before_snapshot(action)


def warm_up(catalog: Catalog) -> int:
    """Answer the golden requests of every model that loaded; how many there were."""
    return sum(_answer_all(predictor) for predictor in catalog.predictors())


def _answer_all(predictor: Predictor) -> int:
    if predictor.golden is None:
        return 0
    requests = json.loads(predictor.golden)["requests"]
    for request in requests:
        inputs = {tensor["name"]: _nested(tensor) for tensor in request["inputs"]}
        arrays = plain.decode({"inputs": inputs}, predictor.metadata)
        plain.encode(predictor.metadata, predictor.predict(arrays))
    return len(requests)


def _nested(tensor: dict[str, Any]) -> Any:
    return np.array(tensor["data"], np.object_).reshape(tensor["shape"]).tolist()
