"""Chooses how a model's answers are explained: the method, the output, and its features."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.explaining.recorded import Method
from lading.functions.inference.tensors.conversion import BYTES, DTYPES
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.explaining import ExplainSpec
from lading.model_packaging.manifest.models import ModelSpec

Features = tuple[tuple[str, tuple[int, ...]], ...]

_CHANNELS = (1, 3)
_IMAGE_RANKS = (3, 4)
_TEXT_STEPS = {"tokens", "ngrams"}


def choose_method(
    spec: ModelSpec, inputs: Sequence[TensorSpec], steps: Sequence[Mapping[str, Any]]
) -> Method:
    """Return the method.

    Args:
        spec: the model, whose manifest has `explain`.
        inputs: what callers send.
        steps: the processing steps.

    Raises:
        ManifestError: occlusion does not fit the inputs.
    """
    names = {step.get("step") for step in steps}
    only = inputs[0] if len(inputs) == 1 else None
    occluded: Method | None = None
    if only is not None and only.datatype == BYTES:
        occluded = "image" if "image" in names else "text"
    elif only is not None and len(only.shape) in _IMAGE_RANKS:
        occluded = "image"
    wanted = _options(spec).method
    if wanted == "shapley":
        return "shapley"
    if wanted == "occlusion":
        if occluded is None:
            reason = "occlusion needs one input of image files, pixels or texts; use shapley"
            raise ManifestError(spec.place("explain.method"), reason)
        return occluded
    evident = occluded == "image" and (names & {"image"} or _is_picture(only))
    evident = evident or (occluded == "text" and bool(names & _TEXT_STEPS))
    return occluded if evident and occluded else "shapley"


def _is_picture(spec: TensorSpec | None) -> bool:
    """Return whether an input is evidently pixels, with one or three channels."""
    return (
        spec is not None
        and len(spec.shape) == max(_IMAGE_RANKS)
        and bool({spec.shape[1], spec.shape[-1]} & set(_CHANNELS))
    )


def choose_output(spec: ModelSpec, outputs: Sequence[TensorSpec]) -> TensorSpec:
    """Return the output to explain.

    Raises:
        ManifestError: there is no such output, or none of numbers with a row for each row.
    """
    wanted = _options(spec).output
    numbers = [each for each in outputs if DTYPES[each.datatype].kind in "fiu" and each.shape]
    floats = [each for each in numbers if DTYPES[each.datatype].kind == "f"]
    named = [each for each in numbers if each.name == wanted] if wanted else floats or numbers
    if named:
        return named[0]
    have = ", ".join(each.name for each in outputs)
    reason = f"needs an output of numbers, with one row for each row; the model has {have}"
    raise ManifestError(spec.place("explain.output"), reason)


def choose_features(spec: ModelSpec, inputs: Sequence[TensorSpec], columns: int) -> Features:
    """Return the named groups of columns.

    Args:
        spec: the model, whose manifest has `explain`.
        inputs: what callers send.
        columns: of all inputs together.

    Raises:
        ManifestError: the manifest names columns that the only input does not have.
    """
    stated = _options(spec).features
    if not stated:
        return ()
    place = spec.place("explain.features")
    if len(inputs) != 1:
        reason = "names columns of the only input, but the model has several; remove it"
        raise ManifestError(place, reason)
    assert isinstance(stated, Mapping)
    highest = max(column for each in stated.values() for column in each)
    if highest >= columns:
        raise ManifestError(place, f"has column {highest}, but the last one is {columns - 1}")
    return tuple((name, tuple(each)) for name, each in stated.items())


def count_features(features: Features, columns: int) -> int:
    """Return how many features there are."""
    return columns - sum(len(each) - 1 for _, each in features)


def count_columns(shapes: Sequence[tuple[int, ...]]) -> int:
    """Return the columns of rows of these shapes, rows first."""
    return sum(prod(shape[1:]) for shape in shapes)


def _options(spec: ModelSpec) -> ExplainSpec:
    assert spec.explain is not None
    return spec.explain
