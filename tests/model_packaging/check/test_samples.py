from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import SessionError
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import make_up
from lading.model_packaging.errors import DataUnusable

X = TensorSpec("features", "FP32", (-1, 3))
MASK = TensorSpec("mask", "BOOL", (-1, -1))


def shapes(requests: Any) -> list[dict[str, tuple[int, ...]]]:
    return [{name: array.shape for name, array in request.items()} for request in requests]


def test_made_up_rows_fit_the_signature_and_are_the_same_each_time() -> None:
    specs = (X, MASK, TensorSpec("words", "BYTES", (-1,)), TensorSpec("rate", "FP64", ()))
    samples = make_up("digits", specs)
    assert samples.rows == 64
    assert shapes(samples.requests(40)) == [
        {"features": (40, 3), "mask": (40, 8), "words": (40,), "rate": ()},
        {"features": (24, 3), "mask": (24, 8), "words": (24,), "rate": ()},
    ]
    again = make_up("digits", specs)
    for name, array in samples.inputs.items():
        assert array.dtype == again.inputs[name].dtype
        assert np.array_equal(array, again.inputs[name])


def test_a_model_that_insists_on_its_batch_gets_it() -> None:
    samples = make_up("digits", (TensorSpec("x", "INT64", (2, 3)),))
    assert set(map(str, shapes(samples.requests(1)))) == {"{'x': (2, 3)}"}
    assert set(np.unique(samples.inputs["x"])) == {0, 1}


def test_inputs_without_a_common_batch_make_one_request() -> None:
    specs = (TensorSpec("a", "FP32", (2, 3)), TensorSpec("b", "FP32", (5,)))
    assert shapes(make_up("digits", specs).requests(1)) == [{"a": (2, 3), "b": (5,)}]


def test_large_rows_are_fewer() -> None:
    assert make_up("images", (TensorSpec("x", "FP32", (-1, 3, 640, 640)),)).rows == 4


def test_a_model_that_cannot_answer_the_rows_is_one_clear_error() -> None:
    samples = make_up("digits", (X,))
    for failure in (ValueError("bad\nrows"), SessionError(RuntimeError("bad\nrows"))):

        def fail(inputs: Request, failure: Exception = failure) -> Request:
            raise failure

        with pytest.raises(DataUnusable, match=r"generated rows .* the original model: bad$"):
            samples.guarded(fail, "original")(samples.inputs)


def test_inputs_of_which_one_has_a_fixed_first_axis_share_no_batch() -> None:
    series = TensorSpec("x", "FP32", (-1, 5, 4))
    state = TensorSpec("state", "FP32", (2, -1, 6))
    found = make_up("recurrent", (series, state))
    assert found.batch is None
    assert found.inputs["x"].shape[0] == found.inputs["state"].shape[1]
