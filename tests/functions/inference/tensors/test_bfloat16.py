"""BF16 among numpy's types: exact where it can be, and rounded as onnxruntime rounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import helper

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.bfloat16 import BFloat16, from_bits, rounded, to_bits
from lading.functions.inference.tensors.conversion import Array
from tests.support.worlds import BRAIN, FLOAT, onnx_model

NARROW = OnnxSession(
    onnx_model(
        {"x": (FLOAT, ["n"])},
        {"y": (BRAIN, ["n"])},
        helper.make_node("Cast", ["x"], ["y"], to=BRAIN),
    )
)
shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def test_all_bits_come_back() -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    assert np.array_equal(to_bits(from_bits(bits)), bits)


@given(arrays.arrays(np.float32, st.integers(0, 9), elements=st.floats(width=32)))
def test_numbers_are_rounded_as_onnxruntime_rounds_them(array: Array) -> None:
    expected = NARROW.run({"x": array})["y"]
    assert np.array_equal(rounded(array), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("value", "nearest"),
    [(1 + 2**-8, 1.0), (1 + 3 * 2**-8, 1 + 2**-6), (-1 - 2**-8 - 2**-20, -1 - 2**-7)],
)
def test_of_two_as_near_the_even_one_is_taken(value: float, nearest: float) -> None:
    assert rounded(np.array([value], np.float32)).tolist() == [nearest]


def test_a_float_beyond_is_infinite_and_nan_stays_nan() -> None:
    found = rounded(np.array([3.4e38, -3.4e38, np.nan], np.float32))
    assert found[:2].tolist() == [np.inf, -np.inf]
    assert np.isnan(found[2])


@given(arrays.arrays(np.uint16, shapes))
def test_shapes_are_kept_and_what_is_rounded_stays(bits: Array) -> None:
    array = from_bits(bits)
    assert isinstance(array, BFloat16)
    assert array.shape == bits.shape == to_bits(array).shape
    assert rounded(array) is array
