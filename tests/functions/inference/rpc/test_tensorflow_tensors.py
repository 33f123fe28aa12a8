"""TensorProto: every datatype both ways, repeated elements, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.tensorflow_tensors import (
    MOST_REPEATED_BYTES,
    decode,
    decode_all,
    encode,
)
from lading.functions.inference.tensors.conversion import DTYPES, Array, as_datatype, datatype_of

NUMERIC = [name for name in DTYPES if name != "BYTES"]


def tensor(**fields: Any) -> Any:
    sizes = fields.pop("shape", ())
    shape = {"dim": [{"size": size} for size in sizes]}
    return message("tensorflow.TensorProto")(**{"tensor_shape": shape, **fields})


@given(data=st.data(), datatype=st.sampled_from(NUMERIC))
def test_numbers_of_every_datatype_and_shape_come_back(data: Any, datatype: str) -> None:
    shape = arrays.array_shapes(min_dims=0, min_side=0, max_side=4)
    array = as_datatype(data.draw(arrays.arrays(DTYPES[datatype], shape)), datatype)
    found = decode(encode(array), "x")
    assert (datatype_of(found), found.shape) == (datatype, array.shape)
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")


@given(arrays.arrays(np.object_, arrays.array_shapes(max_side=3), elements=st.binary(max_size=4)))
def test_strings_come_back(array: Array) -> None:
    assert decode(encode(array), "x").tolist() == array.tolist()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"dtype": "DT_FLOAT", "float_val": [1.5, -2]}, np.array([1.5, -2], np.float32)),
        ({"dtype": "DT_DOUBLE", "double_val": [0.1, 2]}, np.array([0.1, 2])),
        ({"dtype": "DT_HALF", "half_val": [0x3C00, 0xC000]}, np.array([1, -2], np.float16)),
        (
            {"dtype": "DT_BFLOAT16", "half_val": [0x3F80, 0xC020]},
            as_datatype(np.array([1, -2.5], np.float32), "BF16"),
        ),
        ({"dtype": "DT_INT8", "int_val": [-128, 127]}, np.array([-128, 127], np.int8)),
        ({"dtype": "DT_UINT64", "uint64_val": [0, 2**64 - 1]}, np.array([0, 2**64 - 1], np.uint64)),
        ({"dtype": "DT_BOOL", "bool_val": [True, False]}, np.array([True, False])),
    ],
    ids=lambda value: value["dtype"] if isinstance(value, dict) else "",
)
def test_elements_lie_in_the_field_of_their_datatype(
    fields: dict[str, Any], expected: Array
) -> None:
    found = decode(tensor(shape=[2], **fields), "x")
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_the_last_element_stands_for_those_that_are_left_out() -> None:
    found = decode(tensor(dtype="DT_FLOAT", shape=[2, 2], float_val=[1, 5]), "x")
    assert found.tolist() == [[1, 5], [5, 5]]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"dtype": "DT_FLOAT", "shape": [1 << 40], "float_val": [1]}, "repeats its last element"),
        ({"dtype": "DT_FLOAT", "shape": [2]}, "has 0 elements"),
        ({"dtype": "DT_FLOAT", "shape": [1], "float_val": [1, 2]}, "has 2 elements"),
        (
            {"dtype": "DT_FLOAT", "shape": [-1], "float_val": [1]},
            "must have a shape of known sizes",
        ),
        ({"dtype": "DT_FLOAT", "shape": [1] * 65, "float_val": [1]}, "more than 64 dimensions"),
        ({"dtype": "DT_FLOAT", "shape": [2], "tensor_content": b"\0" * 7}, "has 7 bytes"),
        ({"dtype": "DT_INT8", "shape": [1], "int_val": [128]}, "holds 128, which INT8 cannot"),
        ({"dtype": 8, "shape": [1]}, "TensorFlow's datatype 8, which is not supported"),
        ({"shape": [1]}, "TensorFlow's datatype 0, which is not supported"),
    ],
)
def test_a_tensor_that_is_not_what_it_says_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decode(tensor(**fields), "x")


def test_tensors_repeat_no_more_together_than_one_may() -> None:
    half = tensor(dtype="DT_FLOAT", shape=[MOST_REPEATED_BYTES // 8], float_val=[1])
    assert len(decode_all({"a": half, "b": half})) == 2
    with pytest.raises(InvalidInput, match="'c' repeats its last element beyond the limit of"):
        decode_all({"a": half, "b": half, "c": half})


def test_a_whole_tensor_leaves_others_all_that_they_may_repeat() -> None:
    whole = tensor(dtype="DT_FLOAT", shape=[1 << 20], tensor_content=bytes(4 << 20))
    repeated = tensor(dtype="DT_FLOAT", shape=[MOST_REPEATED_BYTES // 4], float_val=[1])
    assert decode_all({"a": whole, "b": repeated})["b"].nbytes == MOST_REPEATED_BYTES
