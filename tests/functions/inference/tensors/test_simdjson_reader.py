"""The fast parser gives up rather than guess, and its arrays become the tensors of exact lists."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import DTYPES, from_json
from lading.functions.inference.tensors.simdjson_reader import (
    FEWEST_NUMBERS,
    MOST_KEPT,
    MOST_KEYS,
    Inexact,
    read,
)

SOME = list(range(FEWEST_NUMBERS))


def text_of(document: Any) -> bytes:
    return json.dumps(document).encode()


def test_arrays_below_the_threshold_stay_lists() -> None:
    assert read(text_of(SOME[1:])) == SOME[1:]
    assert isinstance(read(text_of(SOME)), np.ndarray)


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        (SOME, np.int64),
        ([*SOME, -(2**63)], np.int64),
        ([*SOME, 2**64 - 1], np.uint64),
        ([*SOME, 0.5], np.float64),
        ([*SOME, 2**24 + 1, 0.5], np.float64),
        ([*SOME, -(2.0**30), 0.5], np.float64),
        ([*SOME, 2.0**24 + 0.5], np.float64),
    ],
)
def test_numbers_keep_the_narrowest_type_that_holds_them(numbers: list[Any], dtype: Any) -> None:
    array = read(text_of(numbers))
    assert array.dtype == dtype
    assert array.tolist() == numbers


def nested(depth: int) -> Any:
    value: Any = SOME
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf[]",
        rb'"\u005b"',
        text_of({str(key): key for key in range(MOST_KEYS + 1)}),
        b'{"a":1,"a":2}',
        text_of([*SOME, 2**64]),
        text_of([*SOME, -1, 2**64 - 1]),
        text_of([*SOME, True]),
        text_of([*SOME, None]),
        text_of([*SOME, [1]]),
        text_of([SOME, SOME[1:]]),
        text_of([[SOME], SOME]),
        text_of([*SOME, float("nan")]),
        text_of(nested(70)),
        b"[" * 5000 + b"]" * 5000,
        text_of(SOME) + b"1",
        text_of([[0, 1]] * 40_000 + [[0, [1]]]),  # far behind the first brackets
    ],
    ids=lambda body: body[:8] + body[-8:],
)
def test_what_cannot_be_verified_is_left_to_the_exact_parser(body: bytes) -> None:
    with pytest.raises(Inexact):
        read(body)


@pytest.mark.parametrize("body", [text_of([*SOME, [1]]), text_of([*SOME, None]), b"[1"])
def test_a_body_is_read_alike_after_one_that_could_not_be(body: bytes) -> None:
    for _ in range(3):
        with pytest.raises(Inexact):
            read(body)
        assert read(text_of([*SOME, 0.5])).tolist() == [*SOME, 0.5]


def test_what_was_read_stays_when_the_parser_reads_the_next_body() -> None:
    first = read(text_of({"a": SOME, "b": [["text"], SOME]}))
    assert read(text_of({"a": SOME[::-1]}))["a"].tolist() == SOME[::-1]
    assert (first["a"].tolist(), first["b"][1].tolist()) == (SOME, SOME)


def test_a_body_beyond_those_whose_memory_is_kept_is_read_too() -> None:
    body = text_of(SOME) + b" " * MOST_KEPT
    assert read(body).tolist() == read(bytearray(body)).tolist() == SOME


def outcome(value: Any, datatype: str) -> Any:
    """The tensor that a value becomes, or the reason why it becomes none."""
    try:
        array = from_json(value, "x", datatype)
    except InvalidInput as error:
        return str(error)
    return array.dtype, array.shape, array.tobytes()


edges = [2**power + step for power in (7, 8, 11, 15, 16, 24, 31, 32, 53, 63) for step in (-1, 0, 1)]
numbers = st.one_of(
    st.integers(-300, 300),
    st.sampled_from([*edges, *(-edge for edge in edges)]),
    st.floats(-1000, 1000, width=32),
    st.sampled_from([65504.0, 65519.0, 65520.0, 3.4e38, 3.5e38, 1e300, -0.0, None]),
)


@settings(max_examples=200)
@given(st.lists(numbers, min_size=1, max_size=3), st.sampled_from(list(DTYPES)))
def test_a_tensor_read_fast_is_the_tensor_read_exactly(few: list[Any], datatype: str) -> None:
    body = text_of([few] * FEWEST_NUMBERS)
    try:
        fast = read(body)
    except Inexact:
        return
    assert outcome(fast, datatype) == outcome(json.loads(body), datatype)
