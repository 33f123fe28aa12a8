"""JSON values become tensors of a datatype, each value the nearest that it has, or not at all."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.functions.contract.errors import InvalidInput, UnexpectedShape
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import (
    DTYPES,
    as_datatype,
    check_names,
    check_signature,
    datatype_of,
    element_count,
    from_json,
    reshape,
)

NUMBERS = [name for name in DTYPES if name not in ("BOOL", "BYTES")]
INTEGERS = [name for name in NUMBERS if "INT" in name]


@pytest.mark.parametrize("datatype", NUMBERS)
def test_nested_lists_of_numbers_keep_values_and_nesting(datatype: str) -> None:
    array = from_json([[1, 2, 3], [4, 5, 6]], "x", datatype)
    assert datatype_of(array) == datatype
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("datatype", INTEGERS)
def test_integers_reach_from_the_lowest_to_the_highest_of_their_type(datatype: str) -> None:
    bits = DTYPES[datatype].itemsize * 8
    lowest = 0 if datatype.startswith("U") else -(2 ** (bits - 1))
    extremes = [lowest, 1, lowest + 2**bits - 1]
    assert from_json(extremes, "x", datatype).tolist() == extremes
    for beyond in (extremes[0] - 1, extremes[2] + 1):
        with pytest.raises(InvalidInput, match=f"holds {beyond}, which {datatype} cannot"):
            from_json([0, beyond], "x", datatype)


def test_large_unsigned_integers_beside_small_ones_keep_every_digit() -> None:
    assert from_json([1, 2**63 + 1], "x", "UINT64").tolist() == [1, 2**63 + 1]


@pytest.mark.parametrize(
    ("datatype", "bits"), [("BF16", 8), ("FP16", 11), ("FP32", 24), ("FP64", 53)]
)
def test_an_integer_that_a_float_rounds_becomes_what_the_same_float_literal_does(
    datatype: str, bits: int
) -> None:
    for value in (2**bits, 2**bits + 1, 2**bits + 3, -(2**bits) - 1):
        wanted = from_json([float(value), 0.0], "x", datatype).tolist()
        for values in ([value, 0], [value, 0.0], np.array([value, 0])):
            assert from_json(values, "x", datatype).tolist() == wanted


def test_an_identifier_of_nine_digits_is_rounded_to_the_nearest_float() -> None:
    assert from_json([123456789], "x", "FP32").tolist() == [123456792.0]
    assert from_json([2**62 + 1, 2**64 + 1], "x", "FP64").tolist() == [2.0**62, 2.0**64]


@pytest.mark.parametrize("datatype", ["BF16", "FP16", "FP32", "FP64"])
def test_null_is_nan_in_a_float_tensor_beside_any_numbers(datatype: str) -> None:
    for values in ([None, 1.5, None], [None, 1, None], [[None], [1], [None]]):
        found = from_json(values, "x", datatype)
        assert np.isnan(found).ravel().tolist() == [True, False, True]
        assert datatype_of(found) == datatype
    assert np.isnan(from_json([None], "x", datatype)).all()
    assert from_json([None, [1.0]][:1], "x", datatype).shape == (1,)


def test_null_is_the_empty_text_in_a_tensor_of_bytes() -> None:
    assert from_json(["a", None, {"b64": "/w"}], "x", "BYTES").tolist() == [b"a", b"", b"\xff"]


@pytest.mark.parametrize("datatype", [*INTEGERS, "BOOL"])
def test_integers_and_booleans_have_no_null(datatype: str) -> None:
    given = True if datatype == "BOOL" else 1
    with pytest.raises(InvalidInput, match=f"for {datatype}, not .*null"):
        from_json([given, None], "x", datatype)


def test_null_in_the_place_of_a_row_is_ragged() -> None:
    with pytest.raises(InvalidInput, match="ragged: it mixes lists and values"):
        from_json([[1.0], None], "x", "FP32")


@pytest.mark.parametrize("datatype", NUMBERS)
def test_an_integer_of_hundreds_of_digits_is_refused_in_a_short_text(datatype: str) -> None:
    for value in ([10**4000], [0.5, 10**4000]):
        with pytest.raises(InvalidInput) as caught:
            from_json(value, "x", datatype)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("datatype", "value"), [("BF16", 3.4e38), ("FP16", 65520.0), ("FP32", 3.5e38)]
)
def test_a_float_out_of_range_is_refused(datatype: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=f"which {datatype} cannot"):
        from_json([1.5, value], "x", datatype)


@pytest.mark.parametrize("datatype", ["BF16", "FP16", "FP32", "FP64"])
def test_nan_and_infinity_are_floats(datatype: str) -> None:
    values = from_json([math.nan, math.inf, -math.inf, 1], "x", datatype).tolist()
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 1.0]


@pytest.mark.parametrize(
    ("value", "datatype", "reason"),
    [
        ([1.0], "INT32", "whole numbers"),
        ([1, 2.5], "INT64", "whole numbers"),
        ([math.nan], "UINT8", "whole numbers"),
        ([True], "FP32", "booleans"),
        ([1, False], "INT64", "booleans and numbers"),
        ([0, 1], "BOOL", "true or false for BOOL, not numbers"),
        (["a"], "FP32", "strings"),
        ([{}], "FP32", "objects"),
        ([1], "BYTES", "strings for BYTES, not numbers"),
        ([["a"], "b"], "BYTES", "ragged"),
        ([[1, 2], [3]], "FP32", "ragged: lists of 1 and 2"),
        ([[[1]], [2]], "FP32", "ragged"),
        (["\ud800"], "BYTES", "not valid Unicode"),
    ],
)
def test_what_does_not_fit_the_datatype_is_refused(value: Any, datatype: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        from_json(value, "x", datatype)
    assert caught.value.name == "x"


@pytest.mark.parametrize("depth", [65, 900])
def test_lists_nested_deeper_than_any_tensor_are_refused(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    with pytest.raises(InvalidInput, match="more than 64"):
        from_json(value, "x", "FP32")


@pytest.mark.parametrize(
    ("value", "shape"), [(5, ()), ([], (0,)), ([[], []], (2, 0)), ([[[]]], (1, 1, 0))]
)
def test_scalars_and_empty_lists_have_the_shape_of_their_nesting(
    value: Any, shape: tuple[int, ...]
) -> None:
    assert from_json(value, "x", "FP32").shape == shape


def test_strings_become_utf8_and_bytes_stay() -> None:
    assert from_json(["é", b"\xff"], "x", "BYTES").tolist() == ["é".encode(), b"\xff"]


def test_bytes_that_are_no_text_come_in_base64() -> None:
    found = from_json([["a"], [{"b64": " /w "}]], "x", "BYTES")
    assert found.tolist() == [[b"a"], [b"\xff"]]
    with pytest.raises(InvalidInput, match="holds a 'b64' that is not base64"):
        from_json([{"b64": "_w=="}], "x", "BYTES")
    for other in ({"b64": 1}, {"b64": "/w", "b": 1}, {}):
        with pytest.raises(InvalidInput, match="must be strings for BYTES, not objects"):
            from_json(["a", other], "x", "BYTES")
    with pytest.raises(InvalidInput, match="must be numbers"):
        from_json([{"b64": "/w"}], "x", "FP32")


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float64])
def test_an_array_from_the_fast_parser_is_checked_as_a_list_is(dtype: type[Any]) -> None:
    array = np.array([1, 70000], dtype)
    for datatype in NUMBERS:
        outcomes = []
        for value in (array, array.tolist()):
            try:
                outcomes.append(from_json(value, "x", datatype).tolist())
            except InvalidInput as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("datatype", ["BOOL", "BYTES"])
def test_an_array_of_numbers_is_neither_boolean_nor_text(datatype: str) -> None:
    with pytest.raises(InvalidInput, match="numbers"):
        from_json(np.arange(3), "x", datatype)


def test_a_row_of_arrays_is_one_tensor() -> None:
    assert from_json([np.arange(3), [3, 4, 5]], "x", "INT64").tolist() == [[0, 1, 2], [3, 4, 5]]


SPECS = (TensorSpec("a", "FP32", (-1, 2)), TensorSpec("b", "INT64", ()))
FITTING = {"a": np.zeros((3, 2), np.float32), "b": np.array(1)}


def test_inputs_that_fit_the_signature_pass() -> None:
    check_signature(FITTING, SPECS)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"c": np.array(1)}, "unexpected inference input 'c'; the model accepts a, b"),
        ({"a": None}, "input 'a' is missing; the model requires a, b"),
        ({"a": np.zeros((3, 2))}, "input 'a' must be FP32, not FP64"),
        (
            {"a": np.zeros((3, 3), np.float32)},
            "unexpected shape for input 'a': [3, 3]; the model accepts [-1, 2] (-1 is any size)",
        ),
        (
            {"a": np.zeros(2, np.float32)},
            "unexpected shape for input 'a': [2]; the model accepts [-1, 2] (-1 is any size)",
        ),
        (
            {"a": np.zeros((), np.float32)},
            (
                "unexpected shape for input 'a': []; the model accepts [-1, 2] (-1 is any size); "
                "send a list, also of one value or one row"
            ),
        ),
    ],
)
def test_what_does_not_fit_the_signature_is_told(changes: dict[str, Any], text: str) -> None:
    merged = {**FITTING, **changes}
    inputs = {name: array for name, array in merged.items() if array is not None}
    with pytest.raises(InvalidInput) as caught:
        check_signature(inputs, SPECS)
    assert str(caught.value) == text


@given(
    st.sampled_from(sorted(DTYPES)),
    st.sampled_from(sorted(DTYPES)),
    st.lists(st.integers(0, 3), max_size=3),
    st.lists(st.integers(-1, 3), max_size=3).map(tuple),
)
def test_exactly_the_datatype_and_the_shape_of_the_signature_pass(
    given_type: str, wanted_type: str, shape: list[int], wanted: tuple[int, ...]
) -> None:
    array = as_datatype(np.zeros(shape, DTYPES[given_type]), given_type)
    spec = TensorSpec("x", wanted_type, wanted)
    fits = len(shape) == len(wanted) and all(
        size in (-1, found) for size, found in zip(wanted, shape, strict=True)
    )
    if given_type == wanted_type and fits:
        check_signature({"x": array}, [spec])
        return
    unlike = InvalidInput("x", f"must be {wanted_type}, not {given_type}")
    expected = unlike if given_type != wanted_type else UnexpectedShape("x", tuple(shape), wanted)
    with pytest.raises(type(expected), match=f"^{re.escape(str(expected))}$"):
        check_signature({"x": array}, [spec])


def test_a_name_of_megabytes_makes_a_short_text() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_names(["z" * 10**6], SPECS)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("shape", [[2**32, 2**32, 0], [2**62, 0, 4]])
def test_a_shape_beyond_numpy_is_refused(shape: list[int]) -> None:
    with pytest.raises(InvalidInput, match="the unsupported shape"):
        reshape(np.empty(0, np.float32), shape, "x")


def test_every_datatype_is_found_again_from_its_arrays() -> None:
    arrays = {name: as_datatype(np.empty(0, dtype), name) for name, dtype in DTYPES.items()}
    assert [datatype_of(array) for array in arrays.values()] == list(DTYPES)


def test_an_element_count_does_not_overflow() -> None:
    assert element_count([2**40, 2**40]) == 2**80
    assert element_count([]) == 1
