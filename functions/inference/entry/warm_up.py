"""The warm-up of models before Lambda takes a snapshot, so that restored copies answer quickly.

The golden requests are answered, without log or metrics: onnxruntime allocates its buffers at the
first prediction, and the snapshot contains them. Only the first golden request leaves its buffers,
for others may be far larger than usual ones (25 MiB more for MiniLM); it is answered as the plain
dialect does it. A version that answers one wrong is not served: no answer is better than a wrong
one.
Nothing must be renewed after a restore: the service holds no connection, and its random numbers
come from the operating system.
"""

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any

import numpy as np

from lading.functions.contract.errors import ModelUnavailable
from lading.functions.inference.dialects import plain
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import Predictor


def before_snapshot(action: Callable[[], object]) -> None:
    """Register `action` to run before a snapshot; without SnapStart it never runs."""
    try:
        hooks = import_module("snapshot_restore_py")  # a part of Lambda's runtime
    except ModuleNotFoundError:
        return
    hooks.register_before_snapshot(action)


def warm_up(catalog: Catalog) -> int:
    """Answer the golden requests of every loaded model; return how many the right versions have.

    In the catalog a version that answers one wrong becomes one that is not available.
    """
    for wrong in _wrong_versions(catalog):
        model = catalog.model(wrong.name)
        catalog.put(model._replace(versions={**model.versions, wrong.version: wrong}))
    return _answer_first(catalog)


def warm_up_for_snapshot(catalog: Catalog) -> int:
    """Do as `warm_up`, but fail if a version answers wrong: then there is no snapshot of it.

    Raises:
        ModelUnavailable: a version answers a golden request wrong.
    """
    for wrong in _wrong_versions(catalog):
        raise wrong
    return _answer_first(catalog)


def _wrong_versions(catalog: Catalog) -> Iterator[ModelUnavailable]:
    """Yield each version that answers a golden request wrong."""
    from lading.functions.inference.health.golden import wrong_answers  # not at a cold start

    for predictor in catalog.predictors():
        for reason in islice(wrong_answers(predictor), 1):
            found = predictor.metadata
            yield ModelUnavailable(found.name, found.version, reason)


def _answer_first(catalog: Catalog) -> int:
    """Answer the first golden request of each model; return how many all of them have."""
    count = 0
    for predictor in catalog.predictors():
        if predictor.golden is not None:
            requests = json.loads(predictor.golden)["requests"]
            count += len(requests)
            for request in requests[:1]:
                _answer(predictor, request)
    return count


def _answer(predictor: Predictor, request: dict[str, Any]) -> None:
    inputs = {tensor["name"]: _nested(tensor) for tensor in request["inputs"]}
    arrays = plain.decode({"inputs": inputs}, predictor.metadata)
    plain.encode(predictor.metadata, predictor.predict(arrays))


def _nested(tensor: dict[str, Any]) -> Any:
    return np.array(tensor["data"], np.object_).reshape(tensor["shape"]).tolist()
