"""scikit-learn estimators and pipelines, from .skops, .joblib, .pkl or .pickle files.

The ONNX model has the input `X`, float32 of shape [-1, features]; or, if the manifest names
`inputs`, one input for each column: numbers or texts (BYTES) of shape [-1] or [-1, 1]. Numbers are
float64 if rounding to float32 would change an answer. A model of texts only has the input `text`,
BYTES [-1]. It returns

- a classifier: `label` [-1], int64, float64 or text, and `probabilities` [-1, classes] if it has
  them;
- a classifier of several labels: `label` [-1, labels], and `probabilities_0`... of each;
- a clusterer or outlier detector: `label` [-1];
- a regressor: `prediction` [-1, targets];
- a transformer: `transformed` [-1, columns].
"""

from typing import TYPE_CHECKING

import numpy as np

from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion, Converter, tool_versions
from lading.model_packaging.errors import ConversionError, ConversionMismatch
from lading.model_packaging.manifest.models import ModelSpec

if TYPE_CHECKING:
    from lading.model_packaging.estimators.model import Fitted

_ADVICE = "engine: native serves a .skops file as it is, by scikit-learn itself"

_BOOSTERS = {b"xgboost": "xgboost-cpu|xgboost", b"lightgbm": "lightgbm"}
"""Word in the file of an estimator of such a library -> the library's distribution."""


def _convert(spec: ModelSpec) -> Conversion:
    from lading.model_packaging.estimators.files import load
    from lading.model_packaging.estimators.graph import NoOnnxForm
    from lading.model_packaging.estimators.model import fitted

    estimator = load(spec)
    try:
        found = fitted(spec, estimator)
    except NoOnnxForm as error:
        raise ConversionError(spec.name, str(error)) from error
    try:
        return _agreeing(spec, found)
    except NoOnnxForm as error:
        raise ConversionError(spec.name, f"{error}; {_ADVICE}") from error


def _tools(spec: ModelSpec) -> dict[str, str]:
    used = tool_versions(spec, "sklearn", "onnx", "scikit-learn", "skl2onnx", "skops")
    content = spec.source.read_bytes()
    boosters = [name for word, name in _BOOSTERS.items() if word in content]
    return used | tool_versions(spec, "boosting", *boosters)


CONVERTER = Converter(
    "scikit-learn",
    _convert,
    _tools,
    suffixes=(".skops", ".joblib", ".pkl", ".pickle"),
    keys=("inputs",),
)


def _agreeing(spec: ModelSpec, fitted: "Fitted") -> Conversion:
    """Return the first conversion that agrees with the original, beginning with narrow numbers.

    If none agrees, return the last one: the check then reports how it differs.
    """
    from lading.model_packaging.estimators.graph import TooNarrow

    try:
        conversion, rounded = fitted.converted(np.float32, frozenset())
        if _agrees(spec, conversion):
            return conversion
        some = rounded()
    except TooNarrow:
        some = fitted.floats()
    for wide in dict.fromkeys((some, fitted.floats())):
        conversion, _ = fitted.converted(np.float64, wide)
        if _agrees(spec, conversion):
            break
    return conversion


def _agrees(spec: ModelSpec, conversion: Conversion) -> bool:
    try:
        check(spec, conversion)
    except ConversionMismatch:
        return False
    return True
