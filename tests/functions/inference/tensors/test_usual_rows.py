"""The short way returns the array of the exact way, or leaves the value to it."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import DTYPES, from_json, from_json_exactly
from lading.functions.inference.tensors.json_values import loads_exactly
from lading.functions.inference.tensors.usual_rows import all_finite, read_rows

EDGES = [
    *(0, -1, 127, 128, -129, 255, 256, 2**15, 2**16, 2**24 + 1, 2**31, -(2**31) - 1, 2**32),
    *(2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 10**400),
    *(-0.0, 1e-46, 5e-324, 3.4028235e38, 3.4028236e38, 1e39, -1e39, 1.7e308),
    *(math.nan, math.inf, -math.inf, 0.1, 16777217.0),
]
others = st.sampled_from([True, False, None, "1", "\ud800", "é", {}, {"b64": "/w"}, [], [1]])
integers, floats = st.integers(-300, 300), st.floats(width=64)
values = st.one_of(
    integers, floats, st.floats(-1, 1), st.sampled_from(EDGES), st.text(max_size=3), others
)
rows = st.one_of(
    *(st.lists(kind, max_size=9) for kind in (values, integers, st.floats(-9, 9), st.text())),
    st.lists(st.one_of(st.floats(-9, 9), st.sampled_from(EDGES)), min_size=1, max_size=9),
    st.lists(st.one_of(integers, others), max_size=4),
)
tensors = st.one_of(values, rows, st.lists(rows, max_size=3), rows.map(lambda row: [row, row]))


def outcome(convert: Any, value: Any, datatype: str) -> Any:
    """All that can be told apart of an array, or of an error."""
    try:
        array = convert(value, "x", datatype)
    except InvalidInput as error:
        return str(error)
    content = array.tolist() if array.dtype == np.object_ else array.tobytes()
    return type(array), array.dtype, array.shape, content, array.flags.writeable


@settings(max_examples=1500)
@given(tensors, st.sampled_from(sorted(DTYPES)))
def test_both_ways_have_one_outcome(value: Any, datatype: str) -> None:
    assert outcome(from_json, value, datatype) == outcome(from_json_exactly, value, datatype)


@settings(max_examples=500)
@given(tensors, st.sampled_from(sorted(DTYPES)))
def test_both_ways_have_one_outcome_for_what_a_document_holds(value: Any, datatype: str) -> None:
    read = loads_exactly(json.dumps(value).encode())
    assert outcome(from_json, read, datatype) == outcome(from_json_exactly, read, datatype)


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        ([[0.5] * 64], "FP32"),
        ([0.5, -0.0], "FP64"),
        ([[1, 2.5], [3, 4]], "FP32"),
        ([[1, 2], [3, 4]], "INT64"),
        ([0, 255], "UINT8"),
        (["a text"], "BYTES"),
    ],
    ids=str,
)
def test_the_usual_value_takes_the_short_way(value: Any, datatype: str) -> None:
    assert read_rows(value, datatype) is not None


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        ([1e39], "FP32"),
        ([math.nan], "FP64"),
        ([True, 1.0], "FP32"),
        ([True], "INT64"),
        ([2**63], "INT64"),
        ([-1], "UINT64"),
        ([1.0], "INT64"),
        ([None, 1.0], "FP32"),
        ([[1.0], [1.0, 2.0]], "FP32"),
        ([["a"], "b"], "BYTES"),
        ([], "FP32"),
        (1.0, "FP32"),
        ([1], "FP16"),
        ([[[1.0]]], "FP32"),
    ],
    ids=str,
)
def test_anything_else_is_left_to_the_exact_way(value: Any, datatype: str) -> None:
    assert read_rows(value, datatype) is None


@given(st.lists(st.one_of(floats, st.sampled_from([1.7e308, 1e38])), max_size=300))
def test_finiteness_is_that_of_each_number(numbers: list[float]) -> None:
    array = np.array(numbers)
    assert all_finite(array) == np.isfinite(array).all()
