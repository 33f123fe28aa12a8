"""Conversion between TensorFlow's TensorProto and arrays.

Elements are in `tensor_content` as raw little-endian bytes, or in the field of their datatype,
where TensorFlow omits trailing repetitions (`Tensor::FromProto`). Such a tensor may be far larger
than its message, so its size is limited.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.dialects.tensorflow_models import DATATYPES
from lading.functions.inference.rpc.messages import message, pool
from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors.bfloat16 import from_bits
from lading.functions.inference.tensors.conversion import (
    BF16,
    BYTES,
    DTYPES,
    MOST_DIMENSIONS,
    RAW_ONLY,
    Array,
    datatype_of,
    element_count,
    from_json,
    reshape,
)

MOST_REPEATED_BYTES = 64 * 1024 * 1024
"""The limit of a request's tensors together, beyond the bytes of its message."""

_FIELDS = MappingProxyType(
    {
        "BOOL": "bool_val",
        "UINT8": "int_val",
        "UINT16": "int_val",
        "UINT32": "uint32_val",
        "UINT64": "uint64_val",
        "INT8": "int_val",
        "INT16": "int_val",
        "INT32": "int_val",
        "INT64": "int64_val",
        "FP16": "half_val",
        "FP32": "float_val",
        "FP64": "double_val",
        BF16: "half_val",
        BYTES: "string_val",
    }
)
_NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        datatype: pool().FindEnumTypeByName("tensorflow.DataType").values_by_name[name].number
        for datatype, name in DATATYPES.items()
    }
)
_NAMES = MappingProxyType({number: datatype for datatype, number in _NUMBERS.items()})


def number_of(datatype: str) -> int:
    """Return TensorFlow's number of an Open Inference Protocol datatype."""
    return _NUMBERS[datatype]


def decode_all(tensors: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays of a request's TensorProtos, by name.

    Raises:
        InvalidInput: a tensor is inconsistent, or they exceed the limit.
    """
    arrays: dict[str, Array] = {}
    left = MOST_REPEATED_BYTES
    for name, tensor in tensors.items():
        arrays[name] = decode(tensor, name, left)
        left -= max(0, arrays[name].nbytes - tensor.ByteSize())
    return arrays


def decode(tensor: Any, name: str, most: int = MOST_REPEATED_BYTES) -> Array:
    """Return the array of a TensorProto; raw content is not copied.

    Args:
        tensor: the message.
        name: the input's name, for errors.
        most: the limit in bytes if it repeats its last element.

    Raises:
        InvalidInput: it is inconsistent, or exceeds the limit.
    """
    datatype = _NAMES.get(tensor.dtype)
    if datatype is None:
        raise InvalidInput(
            name, f"has TensorFlow's datatype {tensor.dtype}, which is not supported"
        )
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise InvalidInput(name, "must have a shape of known sizes")
    if len(shape) > MOST_DIMENSIONS:
        raise InvalidInput(name, f"has more than {MOST_DIMENSIONS} dimensions")
    if tensor.tensor_content and datatype != BYTES:
        return binary_tensors.decode(memoryview(tensor.tensor_content), name, datatype, shape)
    values = getattr(tensor, _FIELDS[datatype])
    return reshape(_fill(_elements(values, name, datatype), shape, name, most), shape, name)


def _elements(values: Any, name: str, datatype: str) -> Array:
    if datatype in RAW_ONLY:  # the bits of each, in an int32
        bits = from_json(list(values), name, "UINT16")
        return from_bits(bits) if datatype == BF16 else bits.view(np.float16)
    if datatype in ("FP32", "FP64"):
        return np.fromiter(values, DTYPES[datatype], len(values))
    return from_json(list(values), name, datatype)


def _fill(elements: Array, shape: list[int], name: str, most: int) -> Array:
    """Return all elements of the shape; if there are fewer, the last one is repeated."""
    count = element_count(shape)
    if elements.size == count:
        return elements
    if not 0 < elements.size < count:
        raise InvalidInput(name, f"has {elements.size} elements, its shape {shape} has {count}")
    if count * elements.itemsize > most:
        raise InvalidInput(name, f"repeats its last element beyond the limit of {most} bytes")
    filled = np.full_like(elements, elements[-1], shape=count)
    filled[: elements.size] = elements
    return filled


def encode(array: Array) -> Any:
    """Return the TensorProto of an array, with raw content except for strings."""
    datatype = datatype_of(array)
    tensor = message("tensorflow.TensorProto")(
        dtype=number_of(datatype), tensor_shape=shape_of(array.shape)
    )
    if datatype == BYTES:
        tensor.string_val.extend(array.flat)
    else:
        tensor.tensor_content = bytes(binary_tensors.encode(array))
    return tensor


def shape_of(sizes: tuple[int, ...]) -> Any:
    """Return a TensorShapeProto; -1 is any size."""
    return message("tensorflow.TensorShapeProto")(dim=[{"size": size} for size in sizes])
