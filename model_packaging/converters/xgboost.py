"""XGBoost models, from what `save_model` writes: .json or .ubj. See `boosting`.

A file of XGBClassifier, XGBRegressor or XGBRanker is loaded by such an estimator and answers as it
does: with the trees up to the best iteration, where training was stopped early. A file of a plain
Booster that records a best iteration leaves open which trees count, and the manifest says it.

Classes are numbers: neither kind of file knows what they were called.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import Conversion, tool_versions
from lading.model_packaging.converters.boosting.conversion import convert_booster, read_booster
from lading.model_packaging.converters.boosting.xgboost_model import read_estimator, read_xgboost
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet
from lading.model_packaging.sources.ubjson import require_ubjson


class XgboostConverter:
    """See `conversion.Converter`."""

    framework = "xgboost"
    suffixes = (".json", ".ubj")
    contents: tuple[str, ...] = ()
    keys: tuple[str, ...] = ("iterations",)

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "boosting", "xgboost-cpu|xgboost", "onnx")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        with quiet():
            content = spec.source.read_bytes()
            booster = read_booster(spec, _library(content), lambda: _load(content))
            if booster.attr("scikit_learn"):
                return _of_estimator(spec, booster, content)
            booster = _counted(spec, booster)
            return convert_booster(spec, lambda: read_xgboost(booster), _predict(booster))


CONVERTER = XgboostConverter()

_VERSION = re.compile(
    rb'"version"\s*:\s*\[\s*(\d+),\s*(\d+),\s*(\d+)\s*\]'  # JSON
    rb"|version\[#L.{8}i(.)i(.)i(.)",  # UBJSON
    re.DOTALL,
)


def _library(content: bytes) -> str:
    """The installed XGBoost, and the one that wrote the file, where that is a newer one."""
    import xgboost

    here = tuple(map(int, xgboost.__version__.split(".")[:3]))
    found = _VERSION.search(content)
    parts = found.groups() if found else ()
    written = tuple(int(part) if part.isdigit() else part[0] for part in parts if part)
    name = f"XGBoost {xgboost.__version__}"
    if written <= here:
        return name
    return f"{name}, which is older than the {'.'.join(map(str, written))} that wrote it"


def _load(content: bytes) -> Any:
    import xgboost

    if content.startswith(b"["):
        raise ValueError("it is a dump of trees; write the model with save_model")
    if content.startswith(b"\x80"):
        raise ValueError("it is a pickle; call it .pkl and set trust: true")
    if not re.match(rb'\{\s*["}]', content):  # not JSON
        require_ubjson(content)
    return xgboost.Booster(model_file=bytearray(content))


def _of_estimator(spec: ModelSpec, booster: Any, content: bytes) -> Conversion:
    if spec.iterations:
        reason = "is for a file of a Booster; this one is an estimator's, which decides it"
        raise ManifestError(spec.place("iterations"), reason)
    estimator = read_booster(spec, _library(content), lambda: _estimator(booster, content))
    predict = getattr(estimator, "predict_proba", estimator.predict)
    return convert_booster(spec, lambda: read_estimator(estimator), predict)


def _estimator(booster: Any, content: bytes) -> Any:
    """An estimator of the kind that wrote the booster's file."""
    import xgboost

    kinds = {"classifier": xgboost.XGBClassifier, "ranker": xgboost.XGBRanker}
    written = json.loads(booster.attr("scikit_learn"))
    kind = str(written.get("_estimator_type") or written.get("type", ""))
    estimator = kinds.get(kind.lower().removeprefix("xgb"), xgboost.XGBRegressor)()
    estimator.load_model(bytearray(content))
    return estimator


def _counted(spec: ModelSpec, booster: Any) -> Any:
    """The booster with the trees that the manifest says.

    Raises:
        ManifestError: it does not say which, or there is no best iteration.
    """
    best, stated = booster.attr("best_iteration"), spec.iterations
    if best is None and stated == "best":
        reason = f"{spec.source.name} records no best iteration; remove it, or set iterations: all"
        raise ManifestError(spec.place("iterations"), reason)
    if best is not None and not stated:
        reason = (
            f"is required: {spec.source.name} records iteration {best} of "
            f"{booster.num_boosted_rounds()} as the best; set iterations: best or iterations: all"
        )
        raise ManifestError(spec.place("iterations"), reason)
    return booster[: int(best) + 1] if stated == "best" else booster


def _predict(booster: Any) -> Callable[[Array], Array]:
    import xgboost

    if '"multi:softmax"' in booster.save_config():
        booster.set_param({"objective": "multi:softprob"})  # the same trees, with probabilities

    def predict(rows: Array) -> Array:
        names = booster.feature_names  # rows come without
        answers: Array = booster.predict(xgboost.DMatrix(rows, feature_names=names))
        return answers

    return predict
