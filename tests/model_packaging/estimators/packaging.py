"""Converts estimators as packaging does, and checks them on rows that reach every decision."""

import warnings
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

GENERATOR = np.random.default_rng(2)
ROWS = GENERATOR.normal(size=(120, 4))
NUMBER = ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2]
CLASS, TWO = np.digitize(NUMBER, [-0.5, 0.7]), (NUMBER > 0).astype(int)
SEVERAL = np.stack([CLASS > 0, TWO], axis=1).astype(int)
NAMES = np.array(["low", "middle", "high"])[CLASS]


def named(value: Any) -> str:
    """The id of a parameter: the estimator's own description."""
    return str(value) if hasattr(value, "fit") else ""


def agrees(folder: Path, estimator: Any, target: Array | None) -> None:
    """The estimator, fitted on `ROWS`, answers after conversion as before."""
    with warnings.catch_warnings(action="ignore"):  # few iterations are enough here
        estimator.fit(ROWS, target)
    converted(folder, estimator)


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
