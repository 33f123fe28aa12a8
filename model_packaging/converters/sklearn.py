"""scikit-learn estimators and pipelines, from .skops, .joblib, .pkl or .pickle files.

The ONNX model takes `X`, float32 of shape [-1, features]; or, where the manifest names `inputs`, a
column for each: numbers or texts (BYTES) of shape [-1] or [-1, 1]. Numbers are float64 where a
rounding to float32 would change an answer. A model of texts alone takes `text`, BYTES [-1]. It
answers

- a classifier: `label` [-1], int64, float64 or text, and `probabilities` [-1, classes] when it has
  them;
- a classifier of several labels: `label` [-1, labels], and `probabilities_0`... of each;
- a clusterer or outlier detector: `label` [-1];
- a regressor: `prediction` [-1, targets];
- a transformer: `transformed` [-1, columns].
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion, tool_versions
from lading.model_packaging.errors import ConversionError, ConversionMismatch
from lading.model_packaging.manifest.models import ModelSpec

if TYPE_CHECKING:
    from lading.model_packaging.estimators.model import Fitted


_BOOSTERS = {b"xgboost": "xgboost-cpu|xgboost", b"lightgbm": "lightgbm"}
"""What stands in the file of an estimator of these libraries."""


class SklearnConverter:
    """See `conversion.Converter`."""

    framework = "scikit-learn"
    keys = ("inputs",)
    contents: tuple[str, ...] = ()
    suffixes = (".skops", ".joblib", ".pkl", ".pickle")

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        used = tool_versions(spec, "sklearn", "onnx", "scikit-learn", "skl2onnx", "skops")
        content = spec.source.read_bytes()
        boosters = [name for word, name in _BOOSTERS.items() if word in content]
        return used | tool_versions(spec, "boosting", *boosters)

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        from lading.model_packaging.estimators.files import load
        from lading.model_packaging.estimators.graph import NoOnnxForm
        from lading.model_packaging.estimators.model import fitted

        estimator = load(spec)
        try:
            return _agreeing(spec, fitted(spec, estimator))
        except NoOnnxForm as error:
            raise ConversionError(spec.name, str(error)) from error


CONVERTER = SklearnConverter()


def _agreeing(spec: ModelSpec, fitted: "Fitted") -> Conversion:
    """The first conversion that agrees with the original, from the narrowest numbers on.

    Where none does, the last one, for the check to say how it differs.
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
