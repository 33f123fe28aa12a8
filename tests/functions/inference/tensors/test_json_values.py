"""The fast path reads exactly what the exact parser reads; numbers are written with few digits."""

import json
import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.functions.contract.errors import MalformedRequest
from lading.functions.inference.tensors.json_values import (
    SMALL_BODY,
    dumps,
    loads,
    loads_exactly,
    rows_of,
)
from lading.functions.inference.tensors.simdjson_reader import Inexact, read

PADDING = " " * SMALL_BODY


def plain(value: Any) -> Any:
    """The document with its arrays as lists again."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Equal in value and in number; integers among floats may be the nearest floats."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, int | float):
        return left == float(right) or (math.isnan(left) and math.isnan(right))
    return type(left) is type(right) and bool(left == right)


numbers = st.one_of(
    st.integers(-(2**65), 2**65),
    st.integers(-300, 300),
    st.floats(width=64),
    st.floats(width=32),
    st.sampled_from([2**24, 2**24 + 1, 2**53, 2**53 + 1, 2**63, 2**64 - 1, -(2**63), -0.0, 1e16]),
)
scalars = st.one_of(numbers, st.booleans(), st.none(), st.text(max_size=4))


def regular(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nested lists of one shape, with up to 200 leaves."""
    shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).filter(
        lambda shape: math.prod(shape) <= 200
    )
    return shapes.flatmap(
        lambda shape: st.lists(leaves, min_size=math.prod(shape), max_size=math.prod(shape)).map(
            lambda flat: np.array([*flat, None], object)[:-1].reshape(shape).tolist()
        )
    )


documents = st.recursive(
    st.one_of(
        scalars,
        regular(numbers),
        regular(st.integers(-5, 5)),
        regular(st.floats(-9, 9)),
        regular(scalars),
        st.lists(st.lists(numbers)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=6,
)


@settings(max_examples=600)
@given(documents, st.booleans())
def test_fast_and_exact_parser_agree_on_every_document(document: Any, ascii_only: bool) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        fast = read(body)
    except Inexact:
        return
    assert same(plain(fast), json.loads(body))


@settings(max_examples=300)
@given(st.text('[]{}:,"\\ 0123456789.eE+-truefalsnNaIiy', max_size=60))
def test_fast_parser_accepts_no_text_that_the_exact_one_rejects(text: str) -> None:
    try:
        fast = read(text.encode())
    except Inexact:
        return
    assert same(plain(fast), json.loads(text))


@pytest.mark.parametrize(
    "shape", [(1, 3, 8, 8), (100, 4), (4, 100), (400,), (1, 1, 1, 64), (64, 1)], ids=str
)
def test_a_large_regular_tensor_takes_the_fast_path(shape: tuple[int, ...]) -> None:
    tensor = np.random.default_rng(0).normal(size=shape)
    array = read(json.dumps({"inputs": tensor.tolist()}).encode())["inputs"]
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, tensor)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("[1,2,3]", "[1,[2],3]"),
        ("[1,2]", "[1]"),
        ("[1,2],[1]", "[1,2,3]"),
        ("[1,2]", "3"),
        ("[1,2]", "[]"),
        ("[]", "[1,2]"),
        ("1", "NaN"),
        ("1.5", "-Infinity"),
        ("1", "true"),
        ("1", '"2"'),
        ("1.5", "null"),
        ("1", "{}"),
        ("1.5", "16777217"),
        ("1", "18446744073709551616"),
        ("-1", "18446744073709551615"),
    ],
)
def test_what_simdjson_would_bend_goes_to_the_exact_parser(first: str, last: str) -> None:
    body = f'{{"a":[{",".join([first] * 100)},{last}]}}'
    with suppress(Inexact):
        assert same(plain(read(body.encode())), json.loads(body))
    assert same(plain(loads((body + PADDING).encode())), json.loads(body))


@pytest.mark.parametrize("padding", ["", PADDING], ids=["small", "large"])
@pytest.mark.parametrize("number", ["1e999", "-1E+400"])
def test_a_number_that_no_double_is_near_is_refused(number: str, padding: str) -> None:
    with pytest.raises(MalformedRequest, match="which is out of the range of a double"):
        loads(f"[{'1,' * 100}{number}]{padding}".encode())


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "-0", "1" * 40])
def test_an_integer_of_any_size_stays_what_it_is(number: str) -> None:
    assert loads(f'{{"n": {number}}}'.encode())["n"] == int(number)
    assert type(loads(number.encode())) is int


@pytest.mark.parametrize("padding", ["", PADDING], ids=["small", "large"])
@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_a_bare_token_is_a_number(token: str, padding: str) -> None:
    body = f"[{'1,' * 100}{token}]{padding}".encode()
    assert same(float(token), plain(loads(body))[-1])


@settings(max_examples=300)
@given(st.from_regex(r"-?(0|[1-9][0-9]{0,30})\.[0-9]{1,40}(e-?[0-9]{1,2})?", fullmatch=True))
def test_a_number_of_many_digits_is_the_nearest_double(text: str) -> None:
    assert loads(f"[{text}]".encode()) == [float(text)]


def test_long_fractions_spoil_no_long_integer() -> None:
    long = 2**65 + 1
    assert loads(f"[0.0001999999949475750312,{long},{-long}]".encode())[1:] == [long, -long]


def test_the_last_of_duplicate_keys_wins() -> None:
    body = b'{"a":1,"a":[2,3],"b":{"c":1,"c":2}}'
    with pytest.raises(Inexact):
        read(body)
    assert loads(body + PADDING.encode()) == loads_exactly(body) == {"a": [2, 3], "b": {"c": 2}}


def test_a_string_with_brackets_does_not_spoil_the_count() -> None:
    body = json.dumps({"id": "[[]", "[": 1, "data": list(range(100))}).encode()
    assert isinstance(read(body)["data"], np.ndarray)


@pytest.mark.parametrize("padding", ["", PADDING], ids=["small", "large"])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is not JSON"),
        (b'{"inputs": [1, 2', "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b"{} {}", "is not JSON"),
        (b'"\xff"', "is not UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "too long"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else value,
)
def test_what_is_not_json_is_malformed(body: bytes, reason: str, padding: str) -> None:
    with pytest.raises(MalformedRequest, match=reason):
        loads(body + padding.encode())


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([0.1, 1, 1e-7], np.float32), "[0.1,1.0,1e-7]"),
        (np.array([[0.5], [np.nan]], np.float32), "[[0.5],[NaN]]"),
        (np.array([0.1, np.inf, -np.inf], np.float32), "[0.1,Infinity,-Infinity]"),
        (np.array([0.1, np.nan]), "[0.1,NaN]"),
        (np.array([2**64 - 1], np.uint64), "[18446744073709551615]"),
        (np.array([True, False]), "[true,false]"),
        (np.array([[1, 2], [3, 4]], np.int8).T, "[[1,3],[2,4]]"),
        (np.array(0.1, np.float32), "0.1"),
        (np.zeros((2, 0), np.float32), "[[],[]]"),
    ],
)
def test_arrays_are_written_with_the_fewest_digits(array: Any, text: str) -> None:
    assert dumps({"a": array}) == f'{{"a":{text}}}'.encode()


def test_a_lone_surrogate_is_written_back_as_it_came() -> None:
    assert json.loads(dumps({"id": "\ud800"})) == {"id": "\ud800"}


@settings(max_examples=200)
@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_every_float32_reads_back_to_itself(values: list[float]) -> None:
    array = np.array(values, np.float32)
    back = np.array(json.loads(dumps(array)), np.float32)
    assert np.array_equal(back, array, equal_nan=True)


float_arrays = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda dtype: st.lists(st.floats(width=32), min_size=1, max_size=4).map(
        lambda numbers: np.array(numbers, dtype)
    )
)
answers = st.dictionaries(
    st.sampled_from(["null", "a", "b"]),
    st.one_of(
        float_arrays,
        float_arrays.map(rows_of),
        st.lists(st.one_of(st.none(), st.floats(), st.just("null"))),
    ),
)


@given(answers, st.booleans())
def test_an_answer_reads_back_with_its_nans_or_with_null_for_them(
    answer: dict[str, Any], bare_tokens: bool
) -> None:
    def expected(item: Any) -> Any:
        if not isinstance(item, float | np.floating):
            return item
        number = float(str(item))  # the fewest digits, also of a float32
        return number if bare_tokens or math.isfinite(number) else None

    read = json.loads(dumps(answer, bare_tokens=bare_tokens))
    assert same(read, {key: [*map(expected, items)] for key, items in answer.items()})
