"""The original of a class of the user's own: the class in the user's folder, called twice."""

from collections.abc import Mapping

import numpy as np

from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.native.python import check_answers, open_class
from lading.functions.inference.processing.code import called
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import tensors_of
from lading.model_packaging.quiet import quiet


def open_original(spec: ModelSpec) -> Model:
    """Return the class in the user's own folder; it must answer the same rows alike twice.

    Raises:
        ConversionError: it cannot be made.
    """
    assert isinstance(spec.outputs, Mapping)
    outputs = tensors_of(spec.outputs)
    try:
        with quiet():
            predict = open_class(spec.source.resolve(), str(spec.class_path))
    except SessionError as error:
        raise ConversionError(spec.name, str(error)) from error

    def call(inputs: dict[str, Array]) -> dict[str, Array]:
        try:
            with quiet():
                first, second = (called(predict, _copied(inputs)) for _ in range(2))
            check_answers(first, outputs)
        except SessionError as error:
            raise ValueError(str(error)) from error
        for name, array in first.items():
            if not _alike(array, second[name]):
                reason = "differs from call to call for the same rows; make predict repeatable"
                raise ValueError(f"output '{name}' {reason}, such as by a fixed seed")
        return first

    return call


def _copied(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return copies, which the class may change."""
    return {name: array.copy() for name, array in inputs.items()}


def _alike(first: Array, second: Array) -> bool:
    if first.dtype.kind == "f":
        return first.shape == second.shape and np.allclose(first, second, equal_nan=True)
    return np.array_equal(first, second)
