"""The warm-up of models before Lambda takes a snapshot, so that restored copies answer quickly.

The golden requests are answered once, as the plain dialect answers them, without log or metrics:
onnxruntime allocates its buffers at the first prediction, and the snapshot contains them. Only the
first golden request leaves its buffers, for others may be far larger than usual ones (25 MiB more
for MiniLM). A version that answers them wrong is not served: no answer is better than a wrong one.
Nothing must be renewed after a restore: the service holds no connection, and its random numbers
come from the operating system.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from itertools import islice
from typing import Any

import numpy as np

from lading.functions.contract.errors import InferenceError, ModelUnavailable
from lading.functions.inference.dialects import plain
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import ModelMetadata, Predictor, keeps_memory


def before_snapshot(action: Callable[[], object]) -> None:
    """Register `action` to run before a snapshot; without SnapStart it never runs."""
    try:
        hooks = import_module("snapshot_restore_py")  # a part of Lambda's runtime
    except ModuleNotFoundError:
        return
    hooks.register_before_snapshot(action)


def warm_up(catalog: Catalog) -> int:
    """Answer the golden requests of every loaded model, and return how many there were.

    In the catalog a version that answers one wrong becomes one that is not available.
    """
    from lading.functions.inference.health.golden import wrong_answers  # not at a cold start

    predictors = catalog.predictors()
    for predictor in predictors:
        for reason in islice(wrong_answers(predictor), 1):
            _withdraw(predictor.metadata, catalog, reason)
    return sum(_answer_all(predictor) for predictor in predictors)


def _withdraw(found: ModelMetadata, catalog: Catalog, reason: str) -> None:
    model = catalog.model(found.name)
    unavailable = ModelUnavailable(found.name, found.version, reason)
    catalog.put(model._replace(versions={**model.versions, found.version: unavailable}))


def _answer_all(predictor: Predictor) -> int:
    if predictor.golden is None:
        return 0
    requests = json.loads(predictor.golden)["requests"]
    known = keeps_memory.set(False)
    try:
        for request in requests[1:]:
            _answer(predictor, request)
    finally:
        keeps_memory.reset(known)
    for request in requests[:1]:
        _answer(predictor, request)
    return len(requests)


def _answer(predictor: Predictor, request: dict[str, Any]) -> None:
    inputs = {tensor["name"]: _nested(tensor) for tensor in request["inputs"]}
    with suppress(InferenceError):  # then the version has been withdrawn
        arrays = plain.decode({"inputs": inputs}, predictor.metadata)
        plain.encode(predictor.metadata, predictor.predict(arrays))


def _nested(tensor: dict[str, Any]) -> Any:
    return np.array(tensor["data"], np.object_).reshape(tensor["shape"]).tolist()
