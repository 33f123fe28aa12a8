"""A loaded model is held against the golden answers of its artifact."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import PredictionFailed
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.health.golden import wrong_answers
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array


class Fixed(Predictor):
    """A predictor that answers every request alike."""

    def __init__(self, answer: dict[str, Array] | Exception, *expected: dict[str, Any]) -> None:
        self.metadata = ModelMetadata("m", 1, "none", (TensorSpec("x", "FP32", (-1,)),), ())
        x = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
        self.golden = json.dumps(
            {
                "tolerance": {"relative": 0.01, "absolute": 0.1},
                "requests": [{"inputs": [x], "outputs": list(expected)}],
            }
        ).encode()
        self._answer = answer

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def tensor(datatype: str, *data: Any) -> dict[str, Any]:
    return {"name": "y", "datatype": datatype, "shape": [len(data)], "data": list(data)}


@pytest.mark.parametrize(
    ("expected", "found", "right"),
    [
        (tensor("FP32", 100, None), np.array([101, np.nan], np.float32), True),
        (tensor("FP32", 100), np.array([101.2], np.float32), False),
        (tensor("FP32", 1, 2), np.array([[1, 2]], np.float32), False),
        (tensor("FP32", 1), np.array([np.nan], np.float32), False),
        (tensor("INT64", 7), np.array([7], np.int64), True),
        (tensor("INT64", 7), np.array([8], np.int64), False),
        (tensor("BYTES", "cat"), np.array([b"cat"], np.object_), True),
        (tensor("BYTES", "cat"), np.array([b"dog"], np.object_), False),
    ],
    ids=[
        *("within tolerance", "beyond it", "another shape", "not a number"),
        *("the same whole number", "another", "the same text", "another text"),
    ],
)
def test_an_answer_is_right_within_the_tolerance(
    expected: dict[str, Any], found: Array, right: bool
) -> None:
    assert (not list(wrong_answers(Fixed({"y": found}, expected)))) is right


def test_a_missing_output_and_a_failure_are_wrong_answers() -> None:
    (missing,) = wrong_answers(Fixed({}, tensor("FP32", 1)))
    (failed,) = wrong_answers(Fixed(PredictionFailed("m", 1, "no memory"), tensor("FP32", 1)))
    assert "has no output 'y'" in missing
    assert "no memory" in failed
