import json
from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.check.given_example import given_example
from lading.model_packaging.conversion import Conversion, open_served
from lading.model_packaging.manifest.models import ModelSpec
from tests.support.worlds import times

CONVERSION = Conversion(times(2), lambda inputs: inputs)


def given(example: Any) -> tuple[list[Any], str]:
    content = None if example is None else json.dumps({"inputs": example}).encode()
    spec = ModelSpec("m", Path("m.onnx"), example=content)
    requests, note = given_example(spec, open_served("m", CONVERSION, CONVERSION.onnx))
    return [{name: array.tolist() for name, array in each.items()} for each in requests], note


@pytest.mark.parametrize(
    "example",
    [
        [[1.5, 2.5]],
        {"x": [[1.5, 2.5]]},
        [{"x": [1.5, 2.5]}],
        [{"age": 1.5, "spend": 2.5}],  # a frame, for a model of one table
    ],
)
def test_an_example_that_the_model_accepts_is_a_request(example: Any) -> None:
    assert given(example) == ([{"x": [[1.5, 2.5]]}], "the first is its input example")


def test_a_model_without_an_example_has_none() -> None:
    assert given(None) == ([], "")


@pytest.mark.parametrize(
    ("example", "note"),
    [
        ({"y": [1.0]}, "does not fit"),
        (["a"], "does not fit"),
        ([{"y": 1.0}, {"y": "a"}], "does not fit"),
        ([[[1.0]]], "is refused"),
    ],
)
def test_an_example_that_does_not_fit_is_left_out_with_the_reason(example: Any, note: str) -> None:
    requests, said = given(example)
    assert requests == []
    assert note in said
