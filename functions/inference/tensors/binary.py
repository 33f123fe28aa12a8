"""The binary tensor extension: raw little-endian tensors behind a JSON header.

The header `Inference-Header-Content-Length` gives the length of the JSON; the tensors follow in the
order of the inputs that have `binary_data_size`. A BYTES element is its length in 4 bytes, then its
bytes; one of BF16 is the upper half of an FP32. A length of 0 means that the whole body is the one
input of the model, batch 1.
"""

from collections.abc import Sequence
from typing import Any

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

_LENGTH_BYTES = 4
_MOST_DIGITS = 12


def split_body(request: Request) -> tuple[bytes | None, memoryview]:
    """The JSON header and the binary tail; no header at all for a raw request.

    Raises:
        MalformedRequest: the length is no number or exceeds the body.
    """
    text = request.headers.get(HEADER_LENGTH)
    if text is None:
        return request.body, memoryview(b"")
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        raise MalformedRequest(f"Inference-Header-Content-Length is no length: '{text[:40]}'")
    length = int(text)
    if length > len(request.body):
        raise MalformedRequest(
            f"Inference-Header-Content-Length is {length}, the body has {len(request.body)} bytes"
        )
    body = memoryview(request.body)
    return (bytes(body[:length]) if length else None), body[length:]


def take(tail: memoryview, offset: int, size: Any, name: str) -> memoryview:
    """The `size` bytes of one input.

    Raises:
        InvalidInput: `size` is no length, or the body ends before it.
    """
    if type(size) is not int or size < 0:
        raise InvalidInput(name, "needs a 'binary_data_size' that is a number of bytes")
    if size > len(tail) - offset:
        raise InvalidInput(
            name, f"announces {size} bytes of binary data, the body has {len(tail) - offset} left"
        )
    return tail[offset : offset + size]


def decode(content: memoryview, name: str, datatype: str, shape: Sequence[int]) -> Array:
    """An array from its bytes; no copy when they lie as the processor wants them.

    Raises:
        InvalidInput: the bytes are not what the shape and the datatype need.
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
    # The JSON before it may have any length; vectorised kernels read from whole addresses only.
    return reshape(array if array.flags.aligned else array.copy(), shape, name)


def raw_input(content: memoryview, inputs: Sequence[TensorSpec]) -> dict[str, Array]:
    """The one input of a raw request, by its name: batch 1, other sizes from the signature.

    Raises:
        MalformedRequest: the model has several inputs, or one of open shape.
    """
    if not inputs and not content:
        return {}
    if len(inputs) != 1:
        raise MalformedRequest("a raw request needs a model with exactly one input")
    spec = inputs[0]
    shape = [1 if size == -1 else size for size in spec.shape[:1]] + list(spec.shape[1:])
    if spec.datatype == BYTES:
        if element_count(shape) != 1:
            raise MalformedRequest("a raw request of BYTES needs a model that takes one element")
        array = np.empty(1, np.object_)
        array[0] = bytes(content)
        return {spec.name: array.reshape(shape)}
    if -1 in shape:
        rest = element_count([size for size in shape if size != -1])
        items = len(content) // (_wire_dtype(spec.datatype).itemsize * max(rest, 1))
        if shape.count(-1) > 1:
            raise MalformedRequest(f"a raw request cannot tell the shape of input '{spec.name}'")
        shape[shape.index(-1)] = items
    return {spec.name: decode(content, spec.name, spec.datatype, shape)}


def encode(array: Array) -> bytes | memoryview:
    """An array as little-endian, row-major bytes; its own, when it lies like that."""
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
            raise InvalidInput(name, "has a BYTES element that ends after its data")
        if len(items) == count:
            raise InvalidInput(name, f"has more BYTES elements than the {count} of its shape")
        items.append(bytes(content[start:offset]))
    if len(items) < count:
        raise InvalidInput(name, f"has {len(items)} BYTES elements, its shape has {count}")
    array = np.empty(count, np.object_)
    array[:] = items
    return array
