"""TensorFlow's TensorProto, to arrays and back.

Elements lie in `tensor_content` as raw little-endian bytes, or in the field of their datatype,
where TensorFlow leaves out the last ones when they repeat (`Tensor::FromProto`). Such a tensor may
say to be far larger than its message, so it is bounded.
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
"""Of the tensors of a request, beyond what its message holds."""

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
    """TensorFlow's number of an Open Inference Protocol datatype."""
    return _NUMBERS[datatype]


def decode_all(tensors: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays of a request's TensorProtos, by name.

    Raises:
        InvalidInput: one is not what it says it is, or they repeat too much.
    """
    arrays: dict[str, Array] = {}
    left = MOST_REPEATED_BYTES
    for name, tensor in tensors.items():
        arrays[name] = decode(tensor, name, left)
        left -= max(0, arrays[name].nbytes - tensor.ByteSize())
    return arrays


def decode(tensor: Any, name: str, most: int = MOST_REPEATED_BYTES) -> Array:
    """The array of a TensorProto; raw content is not copied.

    Args:
        tensor: the message.
        name: the input's name, for errors.
        most: bytes that it may have when it repeats its last element.

    Raises:
        InvalidInput: it is not what it says it is.
    """
    datatype = _NAMES.get(tensor.dtype)
    if datatype is None:
        raise InvalidInput(name, f"has TensorFlow's datatype {tensor.dtype}, which is not served")
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise InvalidInput(name, "needs a shape of known sizes")
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
    """All elements of the shape, the last one again and again when there are fewer."""
    count = element_count(shape)
    if elements.size == count:
        return elements
    if not 0 < elements.size < count:
        raise InvalidInput(name, f"has {elements.size} elements, its shape {shape} has {count}")
    if count * elements.itemsize > most:
        raise InvalidInput(name, f"repeats its last element over more than {most} bytes")
    filled = np.full_like(elements, elements[-1], shape=count)
    filled[: elements.size] = elements
    return filled


def encode(array: Array) -> Any:
    """The TensorProto of an array: raw content, but for strings."""
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
    """A TensorShapeProto; -1 is any size."""
    return message("tensorflow.TensorShapeProto")(dim=[{"size": size} for size in sizes])
