"""What a fitted estimator's file says of its columns and answers; runs in a process of its own."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

from lading.model_packaging.errors import PackagingError, SourceUntrusted
from lading.model_packaging.estimators.columns import datatypes_of
from lading.model_packaging.estimators.files import load
from lading.model_packaging.estimators.graph import NoOnnxForm
from lading.model_packaging.estimators.inputs import read_rows_or_none
from lading.model_packaging.estimators.model import features_of, taker_of
from lading.model_packaging.manifest.models import ModelSpec

_BOOSTING = {"lightgbm", "xgboost"}
"""Libraries that nobody has imported here but the estimator's file."""


def describe(spec: ModelSpec, data: Path | None) -> dict[str, Any]:
    """Return the columns of a model by datatype, how many it has, and the kind of its answers.

    Args:
        spec: the model; its file is loaded.
        data: rows with its columns; None: their datatypes are those that the estimator knows.

    Raises:
        PackagingError: the file cannot be read.
    """
    estimator = load(spec)
    first = taker_of(estimator)
    names = [str(name) for name in getattr(first, "feature_names_in_", ())]
    table = read_rows_or_none(data) if data else {}
    try:
        features = features_of(first)
    except NoOnnxForm:
        features = len(names)
    return {
        "columns": datatypes_of(first, names, table),
        "features": features,
        "answers": _answers(estimator),
        "boosts": bool(sys.modules.keys() & _BOOSTING),
    }


def _answers(estimator: Any) -> str:
    if is_classifier(estimator) or is_outlier_detector(estimator) or is_clusterer(estimator):
        return "labels"
    return "numbers" if is_regressor(estimator) else "vectors"


def serve() -> None:
    """Describe the model that standard input names, as JSON on standard output."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    order = json.loads(sys.stdin.read())
    spec = ModelSpec(name=order["name"], source=Path(order["source"]), trust=_trust(order["trust"]))
    try:
        found = describe(spec, Path(order["data"]) if order["data"] else None)
    except SourceUntrusted as error:
        found = {"untrusted": list(error.contents)}
    except PackagingError as error:
        found = {"error": str(error)}
    with messages:
        json.dump(found, messages)


def _trust(stated: Any) -> bool | tuple[str, ...]:
    return stated if isinstance(stated, bool) else tuple(stated)
