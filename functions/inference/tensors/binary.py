"""The binary tensor extension: raw little-endian tensors behind a JSON header.

The header `Inference-Header-Content-Length` is the length of the JSON; the tensors follow in the
order of the inputs that have `binary_data_size`. A BYTES element is its length in 4 bytes, then its
bytes; a BF16 element is the upper half of an FP32. A length of 0 means that the whole body is the
only input of the model, with batch size 1.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lading.functions.contract.errors import InvalidInput, MalformedRequest
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors import bfloat16
from lading.functions.inference.tensors.conversion import (
    BF16,
    BYTES,
    DTYPES,
    Array,
    element_count,
    reshape,
)
from lading.functions.inference.wire.messages import Request

HEADER_LENGTH = "inference-header-content-length"
HEADER_SIZE: Final = re.compile(r";\s*json-header-size=([0-9]{1,12})\s*(?:;|$)", re.IGNORECASE)
"""The same length in the content type of SageMaker's endpoints."""

_LENGTH_BYTES = 4
_MOST_DIGITS = 12


def split_body(request: Request) -> tuple[bytes | None, memoryview]:
    """Split a body into its JSON header, None for a raw request, and its binary tail.

    Raises:
        MalformedRequest: the length is not a number or exceeds the body.
    """
    text = request.headers.get(HEADER_LENGTH)
    if text is None:
        return request.body, memoryview(b"")
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        raise MalformedRequest(
            f"Inference-Header-Content-Length must be a number of bytes, got '{text[:40]}'"
        )
    length = int(text)
    if length > len(request.body):
        raise MalformedRequest(
            f"Inference-Header-Content-Length is {length}, the body has {len(request.body)} bytes"
        )
    body = memoryview(request.body).toreadonly()  # the body may be a bytearray
    return (bytes(body[:length]) if length else None), body[length:]


def take(tail: memoryview, offset: int, size: Any, name: str) -> memoryview:
    """Return the `size` bytes of one input.

    Raises:
        InvalidInput: `size` is not a number of bytes, or the body ends before.
    """
    if type(size) is not int or size < 0:
        raise InvalidInput(name, "must have a number of bytes as 'binary_data_size'")
    if size > len(tail) - offset:
        raise InvalidInput(
            name,
            f"has a 'binary_data_size' of {size}, but the body has {len(tail) - offset} bytes left",
        )
    return tail[offset : offset + size]


def decode(content: memoryview, name: str, datatype: str, shape: Sequence[int]) -> Array:
    """Return the array of these bytes; without a copy if they are aligned.

    Raises:
        InvalidInput: the bytes do not match the shape and the datatype.
    """
    count = element_count(shape)
    if datatype == BYTES:
        return reshape(_decode_strings(content, name, count), shape, name)
    dtype = _wire_dtype(datatype)
    if len(content) != count * dtype.itemsize:
        raise InvalidInput(
            name,
            f"has {len(content)} bytes, shape {list(shape)} of {datatype} "
            f"needs {count * dtype.itemsize}",
        )
    if datatype == "BOOL":
        return reshape(np.frombuffer(content, np.uint8).astype(np.bool_), shape, name)
    array = np.frombuffer(content, dtype)
    if datatype == BF16:
        return reshape(bfloat16.from_bits(array), shape, name)
    # The JSON before it may have any length; vectorized kernels need aligned addresses.
    return reshape(array if array.flags.aligned else array.copy(), shape, name)


def raw_input(content: memoryview, inputs: Sequence[TensorSpec]) -> dict[str, Array]:
    """Return the only input of a raw request, by name: batch 1, other sizes of the signature.

    Raises:
        MalformedRequest: the model has several inputs, or the shape cannot be derived.
    """
    if not inputs and not content:
        return {}
    if len(inputs) != 1:
        raise MalformedRequest("a raw request needs a model with exactly one input")
    spec = inputs[0]
    shape = [1 if size == -1 else size for size in spec.shape[:1]] + list(spec.shape[1:])
    if spec.datatype == BYTES:
        if element_count(shape) != 1:
            raise MalformedRequest(
                "a raw request of BYTES needs a model whose input has one element"
            )
        array = np.empty(1, np.object_)
        array[0] = bytes(content)
        return {spec.name: array.reshape(shape)}
    if -1 in shape:
        rest = element_count([size for size in shape if size != -1])
        items = len(content) // (_wire_dtype(spec.datatype).itemsize * max(rest, 1))
        if shape.count(-1) > 1:
            raise MalformedRequest(
                f"input '{spec.name}' has several sizes that a raw request leaves open"
            )
        shape[shape.index(-1)] = items
    return {spec.name: decode(content, spec.name, spec.datatype, shape)}


def encode(array: Array) -> bytes | memoryview:
    """Return an array as little-endian, row-major bytes; without a copy if it has that form."""
    if isinstance(array, bfloat16.BFloat16):
        return encode(bfloat16.to_bits(array))
    if array.dtype != np.object_:
        laid = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        return laid.reshape(-1).view(np.uint8).data
    return b"".join(
        part for item in array.flat for part in (len(item).to_bytes(_LENGTH_BYTES, "little"), item)
    )


def _wire_dtype(datatype: str) -> np.dtype[Any]:
    return bfloat16.BITS if datatype == BF16 else DTYPES[datatype]


def _decode_strings(content: memoryview, name: str, count: int) -> Array:
    items: list[bytes] = []
    offset = 0
    while offset < len(content):
        start = offset + _LENGTH_BYTES
        length = int.from_bytes(content[offset:start], "little")
        offset = start + length
        if offset > len(content):
            raise InvalidInput(name, "has a BYTES element whose length exceeds the data")
        if len(items) == count:
            raise InvalidInput(name, f"has more BYTES elements than the {count} of its shape")
        items.append(bytes(content[start:offset]))
    if len(items) < count:
        raise InvalidInput(name, f"has {len(items)} BYTES elements, its shape has {count}")
    array = np.empty(count, np.object_)
    array[:] = items
    return array
