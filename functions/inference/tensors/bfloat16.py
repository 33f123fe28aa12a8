"""BF16, the upper half of FP32, for which numpy has no dtype.

Such a tensor is a float32 array of values that BF16 can represent, so that code for FP32 works on
it too; only its class marks it. The result of arithmetic keeps the class and may need rounding.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BITS: Final = np.dtype("<u2")
"""The dtype of an element in messages and in onnxruntime."""

_HALF = 16
_TO_EVEN = np.uint32(0x7FFF)
_NAN = np.uint32(0x7FC0)


class BFloat16(np.ndarray[Any, np.dtype[np.float32]]):
    """A float32 array whose values BF16 can represent."""


def from_bits(bits: NDArray[np.uint16]) -> BFloat16:
    """Return the array with these upper halves of its elements; exact, also for every NaN."""
    wide = bits.astype(np.uint32)
    wide <<= _HALF
    return wide.view(np.float32).view(BFloat16)


def to_bits(array: NDArray[Any]) -> NDArray[np.uint16]:
    """Return the upper halves of a float32 array's elements; exact for a `BFloat16`."""
    wide = np.ascontiguousarray(array, np.float32).view(np.uint32).reshape(array.shape)
    return np.asarray(wide >> _HALF).astype(BITS)


def rounded(array: NDArray[Any]) -> BFloat16:
    """Round a float array to BF16: to the nearest value, and to the even one of two.

    >>> rounded(np.array([1.0, 1.00390625, 1.01171875], np.float32)).tolist()
    [1.0, 1.0, 1.015625]
    """
    if isinstance(array, BFloat16):
        return array
    narrow = np.ascontiguousarray(array, np.float32)
    wide = narrow.view(np.uint32).reshape(array.shape)
    upper = (wide + (_TO_EVEN + ((wide >> _HALF) & 1))) >> _HALF
    upper = np.where(np.isnan(narrow).reshape(array.shape), (wide >> _HALF) | _NAN, upper)
    return from_bits(upper.astype(BITS))
