"""The ONNX graph of an estimator, and what is known of its inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.notes import Notes
from lading.model_packaging.onnx_nodes import Nodes, element_type

ML = "ai.onnx.ml"
TWO = 2
"""Classes that share one score."""


class NoOnnxForm(Exception):
    """An estimator cannot be converted; the text says which one and why, after "the model"."""


class TooNarrow(NoOnnxForm):
    """Float32 cannot express the estimator, and float64 can."""


class GraphBuilder(Nodes):
    """A graph that grows with each estimator, and its notes and processing steps.

    Args:
        dtype: of the numbers that it computes with, float32 or float64.
    """

    def __init__(self, dtype: Any = np.float32) -> None:
        super().__init__()
        self.dtype = np.dtype(dtype)
        self.notes = Notes()
        self.steps: list[Any] = []

    def number(self, value: Any) -> str:
        """Add a constant of the dtype that the graph computes with."""
        return self.constant(value, self.dtype)

    def cast(self, tensor: str, dtype: Any = None) -> str:
        """Convert a tensor to another dtype, by default the graph's own."""
        return self.node("Cast", tensor, to=element_type(dtype or self.dtype))

    def flat(self, tensor: str) -> str:
        """Reshape a tensor from [rows, 1] to [rows]."""
        return self.node("Reshape", tensor, self.constant([-1]))

    def upright(self, tensor: str) -> str:
        """Reshape a tensor from [rows] to [rows, 1]."""
        return self.node("Reshape", tensor, self.constant([-1, 1]))

    def join(self, tensors: Sequence[str]) -> str:
        """Put tensors of shape [rows, columns] side by side."""
        return tensors[0] if len(tensors) == 1 else self.node("Concat", *tensors, axis=1)

    def take(self, tensor: str, columns: Sequence[int]) -> str:
        """Select columns of a tensor of shape [rows, columns]."""
        return self.node("Gather", tensor, self.constant(list(columns), np.int64), axis=1)

    def choose(self, values: Any, index: str) -> str:
        """Select the elements of the constant `values` at the places in `index`.

        Packaging refuses weights that hold NaN as those of a failed training. So a NaN that is
        meant, such as an encoder's value for a missing category, is a separate constant.
        """
        array = np.asarray(values)
        if array.dtype.kind != "f" or not np.isnan(array).any():
            return self.node("Gather", self.constant(array), index, axis=0)
        nothing = np.isnan(array)
        chosen = self.choose(np.where(nothing, array.dtype.type(0), array), index)
        lone = self.constant(np.nan, array.dtype)
        return self.node("Where", self.choose(nothing, index), lone, chosen)

    def repeated(self, value: Any, rows: str) -> str:
        """Add a constant once for each row of `rows`, a tensor of floats of shape [rows, 1]."""
        number = self.number(value)
        return self.node("Where", self.node("IsNaN", rows), number, number)

    def best(self, scores: str) -> str:
        """Return the column of the largest score of each row, the first of equals: int64 [rows]."""
        return self.node("ArgMax", scores, axis=1, keepdims=0)


def as_array(value: Any) -> Array:
    """Return an estimator's answer as a dense array."""
    return np.asarray(value.toarray() if hasattr(value, "toarray") else value)
