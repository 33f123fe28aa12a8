"""Converts an estimator as packaging does, and checks the outcome on rows that reach everything."""

from pathlib import Path
from typing import Any

import joblib
import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion, ConvertedModel, open_served
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.onnx_graph import require_finite_weights


def spec_of(folder: Path, estimator: Any, **datatypes: Any) -> ModelSpec:
    """A model of the manifest, with a column of each of these datatypes."""
    path = folder / "model.joblib"
    joblib.dump(estimator, path)
    inputs = {name: InputShape(("batch",), datatype) for name, datatype in datatypes.items()}
    return ModelSpec("model", path, trust=True, inputs=inputs)


def converted(folder: Path, estimator: Any, **datatypes: Any) -> Conversion:
    """The conversion, which has passed the checks of packaging."""
    spec = spec_of(folder, estimator, **datatypes)
    conversion = CONVERTER.convert(spec)
    require_finite_weights(spec.name, conversion.onnx)
    check(spec, conversion)
    return conversion


def served(conversion: Conversion) -> ConvertedModel:
    return open_served("model", conversion, conversion.onnx)


def texts(*values: str) -> Array:
    array: Array = np.empty(len(values), np.object_)
    array[:] = [value.encode() for value in values]
    return array
