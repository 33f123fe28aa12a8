"""The binary tensor extension, byte by byte.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import struct

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput, MalformedRequest
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.binary import (
    HEADER_LENGTH,
    decode,
    encode,
    raw_input,
    split_body,
)
from lading.functions.inference.tensors.conversion import DTYPES, Array, as_datatype, datatype_of
from lading.functions.inference.wire.messages import Request

FIXED = [name for name in DTYPES if name != "BYTES"]


def request(body: bytes, length: str | None) -> Request:
    return Request("POST", "/", {} if length is None else {HEADER_LENGTH: length}, body)


@pytest.mark.parametrize(
    ("length", "header", "tail"),
    [(None, b"{}12", b""), ("2", b"{}", b"12"), ("4", b"{}12", b""), ("0", None, b"{}12")],
)
def test_the_header_says_where_the_json_ends(
    length: str | None, header: bytes | None, tail: bytes
) -> None:
    found, rest = split_body(request(b"{}12", length))
    assert (found, bytes(rest)) == (header, tail)


@pytest.mark.parametrize(
    "length", ["", "-1", "+2", " 2", "2.0", "1e0", "0x2", "1_0", "\u0662", "\u00b2", "9" * 5000]
)
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    with pytest.raises(MalformedRequest, match="must be a number of bytes"):
        split_body(request(b"{}", length))


@pytest.mark.parametrize("length", ["3", "999999999999"])
def test_a_length_beyond_the_body_is_refused(length: str) -> None:
    with pytest.raises(MalformedRequest, match=f"is {length}, the body has 2 bytes"):
        split_body(request(b"{}", length))


@pytest.mark.parametrize("datatype", FIXED)
def test_every_fixed_size_datatype_reads_back_at_any_address(datatype: str) -> None:
    array = as_datatype(np.array([[0, 1, 1]]).astype(DTYPES[datatype]), datatype)
    content = encode(array)
    assert len(content) == 3 * (2 if datatype == "BF16" else DTYPES[datatype].itemsize)
    for shift in range(8):
        tail = memoryview(bytes(shift) + content)[shift:]
        back = decode(tail, "x", datatype, [1, 3])
        assert datatype_of(back) == datatype
        assert back.flags.aligned
        assert back.tolist() == array.tolist()


@pytest.mark.parametrize("datatype", [name for name in FIXED if name not in ("BOOL", "BF16")])
@pytest.mark.parametrize("buffer", [bytes, bytearray])
def test_an_aligned_tensor_is_used_where_it_arrived(datatype: str, buffer: type) -> None:
    array = np.arange(4).astype(DTYPES[datatype])
    body = buffer(b'{"inputs":[]}   ' + array.tobytes())
    _, tail = split_body(request(body, "16"))
    inputs = {"whole": decode(tail, "x", datatype, [2, 2])}
    inputs |= raw_input(tail, [TensorSpec("x", datatype, (-1, 4))])
    for found in inputs.values():
        assert np.shares_memory(found, np.frombuffer(body, np.uint8))


def test_a_contiguous_answer_is_written_from_where_it_is() -> None:
    array = np.ones((2, 3), np.float32)
    assert np.shares_memory(np.frombuffer(encode(array), np.uint8), array)


def test_integers_are_little_endian_and_rows_follow_each_other() -> None:
    column_major = np.array([[1, 2], [3, 256]], np.int32, order="F")
    assert encode(column_major) == struct.pack("<4i", 1, 2, 3, 256)
    assert encode(np.array([258], ">i2")) == b"\x02\x01"


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    content = b"\x80\x3f\x20\xc0"
    array = decode(memoryview(content), "x", "BF16", [2])
    assert array.tolist() == [1.0, -2.5]
    assert bytes(encode(array)) == content


def test_any_byte_but_zero_is_true() -> None:
    assert decode(memoryview(b"\0\1\xff"), "x", "BOOL", [3]).tolist() == [False, True, True]


def strings(*items: bytes) -> Array:
    return np.array([*items, None], np.object_)[:-1]


@pytest.mark.parametrize("items", [(), (b"",), (b"a", b"", b"\0\xff" * 9)], ids=len)
def test_a_byte_string_is_its_length_and_its_bytes(items: tuple[bytes, ...]) -> None:
    content = encode(strings(*items))
    assert content == b"".join(struct.pack("<I", len(item)) + item for item in items)
    assert decode(memoryview(content), "x", "BYTES", [len(items)]).tolist() == list(items)


@pytest.mark.parametrize(
    ("content", "shape", "reason"),
    [
        (b"\1\0\0\0", [1], "length exceeds the data"),
        (b"\1\0", [1], "length exceeds the data"),
        (b"\xff\xff\xff\xff", [1], "length exceeds the data"),
        (b"\0\0\0\0\0", [1], "length exceeds the data"),
        (b"\0\0\0\0", [2], "has 1 BYTES elements, its shape has 2"),
        (b"", [2**40, 2**40], "has 0 BYTES elements"),
        (b"\0\0\0\0" * 10**6, [1], "more BYTES elements than the 1 of its shape"),
        (b"", [2**32, 2**32, 0], "the unsupported shape"),
    ],
)
def test_byte_strings_that_do_not_add_up_are_refused(
    content: bytes, shape: list[int], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decode(memoryview(content), "x", "BYTES", shape)


@pytest.mark.parametrize("shape", [[3], [2, 2, 2], [2**62, 2**62], []])
def test_the_bytes_must_be_as_many_as_the_shape_needs(shape: list[int]) -> None:
    with pytest.raises(InvalidInput, match="has 8 bytes"):
        decode(memoryview(bytes(8)), "x", "FP32", shape)


@pytest.mark.parametrize(
    ("signature", "size", "shape"),
    [((-1, 2), 8, (1, 2)), ((2,), 8, (2,)), ((-1, -1, 2), 24, (1, 3, 2)), ((), 4, ())],
)
def test_a_raw_body_takes_its_shape_from_the_signature(
    signature: tuple[int, ...], size: int, shape: tuple[int, ...]
) -> None:
    inputs = raw_input(memoryview(bytes(size)), [TensorSpec("x", "FP32", signature)])
    assert inputs["x"].shape == shape


def test_a_raw_body_of_text_is_one_element() -> None:
    spec = TensorSpec("x", "BYTES", (-1, 1))
    assert raw_input(memoryview(b"hello"), [spec])["x"].tolist() == [[b"hello"]]


@pytest.mark.parametrize(
    ("specs", "reason"),
    [
        ([], "exactly one input"),
        ([TensorSpec("a", "FP32", (1,)), TensorSpec("b", "FP32", (1,))], "exactly one input"),
        ([TensorSpec("a", "BYTES", (-1, 2))], "input has one element"),
        ([TensorSpec("a", "FP32", (1, -1, -1))], "input 'a' has several sizes"),
    ],
)
def test_a_raw_body_whose_tensor_cannot_be_told_is_refused(
    specs: list[TensorSpec], reason: str
) -> None:
    with pytest.raises(MalformedRequest, match=reason):
        raw_input(memoryview(bytes(8)), specs)


def test_a_raw_body_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"shape \[1, 2\] of FP32 needs 8"):
        raw_input(memoryview(bytes(7)), [TensorSpec("x", "FP32", (-1, 2))])
