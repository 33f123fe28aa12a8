import json
import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.functions.inference.tensors.json_values import LONG_BODY, loads
from lading.functions.inference.tensors.long_arrays import DEEPEST, MOST_TEXTS, read_in_pieces
from lading.functions.inference.tensors.long_arrays import PIECE as LONGEST_PIECE
from lading.functions.inference.tensors.simdjson_reader import (
    FEWEST_NUMBERS,
    Inexact,
    read,
    read_numbers,
)

PIECE = 64


def numbers(*shape: int, start: float = 0.25) -> Any:
    return (np.arange(np.prod(shape)) + start).reshape(shape).tolist()


def alike(one: Any, other: Any) -> bool:
    """Return whether two documents have equal values, and equal arrays of one dtype and shape."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(
            isinstance(one, np.ndarray)
            and isinstance(other, np.ndarray)
            and (one.dtype, one.shape) == (other.dtype, other.shape)
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(
    "document",
    [
        numbers(500),
        numbers(3, 200),
        numbers(200, 3),
        numbers(1, 300),
        numbers(1, 1, 4, 50),
        numbers(2, 3, 4, 10),
        numbers(300, 1),
        list(range(500)),
        [*range(100), 0.5, *range(100)],
        [2**63 + row for row in range(100)],
        {"inputs": [{"name": "x", "shape": [500], "data": numbers(500)}], "id": "one [two]"},
        {"instances": numbers(20, 30), "signature_name": "serving_default"},
        {"a": numbers(100), "b": numbers(5, 100), "c": [1, 2, 3], "d": None, "e": [["text"], True]},
        ["before", numbers(100), "between", numbers(100, 2)],
        {"text": "[" * 100, "data": numbers(100)},
        "text" * 100,
        {"many": {f"k{row}": row for row in range(30)}},
    ],
    ids=range(17),
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\r\n\t", " : ")])
def test_a_document_is_what_it_is_when_it_is_read_at_once(
    document: Any, separators: tuple[str, str]
) -> None:
    body = json.dumps(document, separators=separators).encode()
    assert alike(read_in_pieces(body, PIECE), read(body))
    assert alike(read_in_pieces(bytearray(body), PIECE), read(body))
    spaced = body.replace(b"[", b"[  ").replace(b"]", b" ] ")
    assert alike(read_in_pieces(spaced, PIECE), read(spaced))


VALID = json.dumps({"x": numbers(4, 40), "y": numbers(90)}).encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b", 9.25", b", null"),
        (b", 9.25", b", NaN"),
        (b", 9.25", b", true"),
        (b", 9.25", b""),
        (b", 9.25", b", 9.25,"),
        (b", 9.25", b", 9.25 9.25"),
        (b", 9.25", b", [9.25]"),
        (b", 9.25", b', "9.25"'),
        (b", 9.25", b", {}"),
        (b", 9.25", b", 1e999"),
        (b", 9.25", b", 123456789012345678901234567890"),
        (b"], [", b"] ["),
        (b"], [", b"],, ["),
        (b"]], ", b"],], "),
        (b"]], ", b"]"),
        (b"]], ", b"]}, "),
        (b'"x": [[', b"[["),
        (b'"x": [[', b'"x" [['),
        (b'"x": [[', b'"x": ['),
        (b'"x": [[', b'"x": [[['),
        (b'"x": [[', b'"long array 0": [['),
        (b'"x": [[', b'"a": "long array 0", "x": [['),
        (b'"x": [[', b'"a": "\\u005b", "x": [['),
        (b'"x"', b'"x'),
        (b"}", b""),
        (b"}", b"}}"),
        (b"}", b"]"),
    ],
)
def test_a_body_that_is_not_regular_is_left_to_the_exact_parser(
    before: bytes, after: bytes
) -> None:
    assert alike(read_in_pieces(VALID, PIECE), read(VALID))
    assert before in VALID
    with pytest.raises(Inexact):
        read_in_pieces(VALID.replace(before, after), PIECE)


def test_deep_arrays_and_bodies_of_many_texts_are_left_to_the_exact_parser() -> None:
    deep = "[" * (DEEPEST + 1) + "1, " * 100 + "1" + "]" * (DEEPEST + 1)
    texts = json.dumps([numbers(100), *["text"] * MOST_TEXTS])
    for body in (deep, texts):
        with pytest.raises(Inexact):
            read_in_pieces(body.encode(), PIECE)


parts = st.sampled_from(
    [*"[]{},:", " ", '"x"', '"long array 0"', "1", "-0.5", "1e3", "[1,2]", "[[1],[2]]", "null"]
)


@settings(max_examples=300)
@given(st.lists(parts, max_size=12), st.integers(1, 20))
def test_what_is_read_at_all_is_what_the_exact_parser_reads(text: list[str], piece: int) -> None:
    body = "".join(text).encode()
    try:
        document = read_in_pieces(body, piece)
    except Inexact:
        return
    assert to_lists(document) == json.loads(body)


def to_lists(document: Any) -> Any:
    return json.loads(json.dumps(document, default=lambda array: array.tolist()))


@settings(max_examples=100)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.sampled_from([1, 0.5, -1, 2**53 + 1, 2**63]),
    st.integers(1, 100),
)
def test_pieces_of_any_length_make_one_array(shape: list[int], first: Any, piece: int) -> None:
    values = np.full(FEWEST_NUMBERS * int(np.prod(shape)), 7, object)
    values[0] = first
    body = json.dumps({"x": values.reshape(FEWEST_NUMBERS, *shape).tolist()}).encode()
    try:
        document = read_in_pieces(body, piece)
    except Inexact:
        assert first == 2**63
        return
    assert alike(document, read(body))


def test_no_piece_of_a_long_body_is_longer_than_twice_what_is_read_at_once() -> None:
    count, lengths = LONG_BODY // 4, []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is read_numbers.__code__:
            lengths.append(len(frame.f_locals["body"]))

    body = b'{"inputs": [' + b"0.5," * count + b"1]}"
    sys.setprofile(called)
    try:
        document = loads(body)
    finally:
        sys.setprofile(None)
    assert document["inputs"].shape == (count + 1,)
    assert sum(lengths) >= 4 * count
    assert max(lengths) <= 2 * LONGEST_PIECE + 2
