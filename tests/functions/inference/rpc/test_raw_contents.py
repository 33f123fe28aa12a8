"""Raw tensors are found in a message without a copy, and a message is put around them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.open_inference_tensors import decode, encode, read
from lading.functions.inference.rpc.raw_contents import delimited, nested, split

REQUEST = message("inference.ModelInferRequest")
RESPONSE = message("inference.ModelInferResponse")
RAW = 7
LARGE = np.arange(40_000, dtype=np.float32).reshape(1, -1)
ALIGNMENT = 4


def serialized(array: np.ndarray[Any, Any], name: str = "x") -> bytes:
    tensor = {"name": name, "datatype": "FP32", "shape": array.shape}
    content = REQUEST(model_name="m", inputs=[tensor], raw_input_contents=[array.tobytes()])
    return bytes(content.SerializeToString())


@given(
    name=st.text(max_size=20),
    raw=st.lists(st.binary(max_size=300), max_size=4),
    number=st.integers(-(1 << 63), (1 << 63) - 1),
    real=st.floats(allow_nan=False),
)
def test_the_rest_of_a_message_and_its_views_are_all_of_it(
    name: str, raw: list[bytes], number: int, real: float
) -> None:
    request = REQUEST(model_name=name, raw_input_contents=raw)
    request.parameters["number"].int64_param = number
    request.parameters["real"].double_param = real
    rest, found = split(request.SerializeToString(), RAW)
    assert [bytes(each) for each in found] == raw
    del request.raw_input_contents[:]
    assert REQUEST.FromString(rest) == request


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_come_back_as_they_are(content: bytes) -> None:
    rest, found = split(content, RAW)
    if not found:
        assert rest == content
    assert len(rest) + sum(map(len, found)) <= len(content)


@pytest.mark.parametrize(
    "content",
    [b"\x3a\x05abc", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x3b", b"\x39\x01"],
    ids=["a field exceeds it", "a length that does not end", "a group", "a cut number"],
)
def test_a_damaged_message_is_left_to_the_parser(content: bytes) -> None:
    assert split(b"\x3a\x01a" + content, RAW) == (b"\x3a\x01a" + content, [])


def test_a_large_tensor_is_used_where_it_is() -> None:
    content = next(  # numpy copies what is not aligned in memory
        sent
        for sent in (serialized(LARGE, "x" * length) for length in range(1, 9))
        if np.frombuffer(split(sent, RAW)[1][0], np.uint8).ctypes.data % ALIGNMENT == 0
    )
    array = next(iter(decode(read(content)).values()))
    assert np.shares_memory(array, np.frombuffer(content, np.uint8))
    np.testing.assert_array_equal(array, LARGE)


def test_an_output_is_part_of_the_response_without_a_copy_before_the_last() -> None:
    parts = encode(ModelMetadata("m", 3, "", (), ()), read(serialized(LARGE)), {"y": LARGE})
    shared = [np.shares_memory(np.frombuffer(part, np.uint8), LARGE) for part in parts]
    assert shared == [False, False, True]
    response = RESPONSE.FromString(b"".join(parts))
    assert (response.model_name, response.model_version) == ("m", "3")
    assert [(each.name, each.datatype, list(each.shape)) for each in response.outputs] == [
        ("y", "FP32", [1, 40_000])
    ]
    assert list(response.raw_output_contents) == [LARGE.tobytes()]


@given(st.lists(st.binary(max_size=300), max_size=3))
def test_parts_of_a_nested_message_read_as_that_message(raw: list[bytes]) -> None:
    inner = [part for content in raw for part in delimited(6, content)]
    stream = message("inference.ModelStreamInferResponse").FromString(b"".join(nested(2, inner)))
    assert list(stream.infer_response.raw_output_contents) == raw
