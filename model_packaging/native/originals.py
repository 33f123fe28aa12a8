"""Calls the original of a model that is not converted, as its framework's documentation says.

`original.py` runs this in a process of its own.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from lading.functions.inference.native.boosted import INPUT, named_answers
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.converters.boosting import lightgbm, xgboost
from lading.model_packaging.converters.boosting.conversion import BoostedFile
from lading.model_packaging.converters.framework_errors import refusing
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native import lite_file, own_original, script_file


def _boosted(open_file: Callable[[ModelSpec], BoostedFile], spec: ModelSpec) -> Model:
    file = open_file(spec)

    def call(inputs: dict[str, Array]) -> dict[str, Array]:
        answers = np.asarray(file.predict(inputs[INPUT]))
        return named_answers(file.answers, answers, np.dtype(file.dtype))

    return refusing(call)


def _skops(spec: ModelSpec) -> Model:
    from lading.model_packaging.native import estimator_file  # it imports scikit-learn

    return estimator_file.open_original(spec)


ORIGINALS: Mapping[str, Callable[[ModelSpec], Model]] = MappingProxyType(
    {
        "lightgbm": partial(_boosted, lightgbm.open_file),
        "litert": lite_file.open_original,
        "python": own_original.open_original,
        "skops": _skops,
        "torchscript": script_file.open_original,
        "xgboost": partial(_boosted, xgboost.open_file),
    }
)
"""Framework -> what opens the original of a model."""
