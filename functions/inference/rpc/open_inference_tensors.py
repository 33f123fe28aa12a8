"""Tensors of the Open Inference Protocol over gRPC.

A request has its tensors raw, all of them in `raw_input_contents`, or typed, each in the field of
its datatype; never both. The answer has the same form, as in KServe; FP16 and BF16 can only be raw.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from lading.functions.contract.errors import (
    InvalidInput,
    InvalidOutput,
    MalformedRequest,
    Unsupported,
    brief,
)
from lading.functions.inference.models.predictor import EXPLANATION, ModelMetadata
from lading.functions.inference.rpc.messages import message, parse
from lading.functions.inference.rpc.raw_contents import WORTHWHILE, Part, delimited, split
from lading.functions.inference.rpc.service import SHORT
from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors.conversion import (
    BYTES,
    DTYPES,
    Array,
    check_header,
    datatype_of,
    element_count,
    from_json,
    reshape,
)

_REQUEST, _RESPONSE = "inference.ModelInferRequest", "inference.ModelInferResponse"
_RAW_INPUTS, _ID, _RAW_OUTPUTS = 7, 3, 6
"""Numbers of fields: raw_input_contents; id and raw_output_contents of a response."""
_TIMEOUT: Final = "timeout"

CONTENTS = MappingProxyType(
    {
        "BOOL": "bool_contents",
        "INT8": "int_contents",
        "INT16": "int_contents",
        "INT32": "int_contents",
        "INT64": "int64_contents",
        "UINT8": "uint_contents",
        "UINT16": "uint_contents",
        "UINT32": "uint_contents",
        "UINT64": "uint64_contents",
        "FP32": "fp32_contents",
        "FP64": "fp64_contents",
        "BYTES": "bytes_contents",
    }
)
"""Datatype -> the field of its elements; datatypes without a field can only be raw."""

_REFUSED_PARAMETERS = ("classification", "shared_memory_region")


class InferRequest(NamedTuple):
    """A ModelInferRequest: its message, and its raw tensors."""

    head: Any
    raw: Sequence[Part]


def is_short(content: bytes) -> bool:
    """Return whether a request is decoded sooner than another thread takes it.

    That is so for a tensor of any size that is used where it is.
    """
    if len(content) <= SHORT:
        return True
    head, raw = split(content, _RAW_INPUTS)
    return bool(raw) and len(head) <= SHORT and BYTES.encode() not in head


def read(content: bytes) -> InferRequest:
    """Read a serialized ModelInferRequest; large raw tensors are views of it.

    Raises:
        MalformedRequest: it is not such a message.
    """
    if len(content) < WORTHWHILE:
        head = parse(_REQUEST, content)
        return InferRequest(head, head.raw_input_contents)
    rest, raw = split(content, _RAW_INPUTS)
    head = parse(_REQUEST, rest)
    return InferRequest(head, raw or head.raw_input_contents)


def decode(request: InferRequest) -> dict[str, Array]:
    """Return the arrays of a request by name; raw ones are not copied.

    Raises:
        RequestError: a tensor does not match its own header.
    """
    head, raw = request
    if raw and len(raw) != len(head.inputs):
        raise MalformedRequest(
            f"raw_input_contents has {len(raw)} tensors, but inputs has {len(head.inputs)}"
        )
    inputs: dict[str, Array] = {}
    for at, tensor in enumerate(head.inputs):
        shape = list(tensor.shape)
        _check(tensor, shape, inputs)
        if not raw:
            inputs[tensor.name] = _typed(tensor)
        elif tensor.HasField("contents"):
            raise InvalidInput(tensor.name, "has both 'contents' and raw_input_contents; use one")
        else:
            content = memoryview(raw[at])
            inputs[tensor.name] = binary_tensors.decode(
                content, tensor.name, tensor.datatype, shape
            )
    return inputs


def _check(tensor: Any, shape: list[int], before: Mapping[str, Array]) -> None:
    """Check the header of a tensor, before its data is read."""
    if tensor.name in before:
        raise InvalidInput(tensor.name, "is given twice")
    check_header(tensor.name, tensor.datatype, shape)
    if "shared_memory_region" in tensor.parameters:
        raise Unsupported(
            f"input '{brief(tensor.name)}' uses shared memory, which is not supported"
        )


def _typed(tensor: Any) -> Array:
    field = CONTENTS.get(tensor.datatype)
    if field is None:
        raise InvalidInput(tensor.name, f"is {tensor.datatype}; send it in raw_input_contents")
    filled = [each.name for each, _ in tensor.contents.ListFields()]
    if filled not in ([], [field]):
        raise InvalidInput(tensor.name, f"is {tensor.datatype}; put its elements into '{field}'")
    values, count = getattr(tensor.contents, field), element_count(tensor.shape)
    if len(values) != count:
        raise InvalidInput(
            tensor.name, f"has {len(values)} elements, its shape {list(tensor.shape)} has {count}"
        )
    return reshape(_array(values, tensor.name, tensor.datatype), list(tensor.shape), tensor.name)


def _array(values: Sequence[Any], name: str, datatype: str) -> Array:
    if datatype in ("FP32", "FP64"):
        return np.fromiter(values, DTYPES[datatype], len(values))
    return from_json(list(values), name, datatype)


def explains(names: Sequence[str], metadata: ModelMetadata) -> bool:
    """Return whether the output `explanation`, which no model has itself, is among these."""
    return EXPLANATION in names and EXPLANATION not in metadata.output_names()


def wanted(request: InferRequest, metadata: ModelMetadata) -> list[str]:
    """Return the names of the requested outputs; none means all.

    The parameter `explain` adds the explanation to them, which is Lading's extension.
    """
    names: list[str] = []
    for output in request.head.outputs:
        if output.name in names:
            raise InvalidOutput(output.name, "is requested twice")
        if any(each in output.parameters for each in _REFUSED_PARAMETERS):
            name = brief(output.name)
            raise Unsupported(
                f"output '{name}': classification and shared memory are not supported"
            )
        names.append(output.name)
    parameters = request.head.parameters
    asks = "explain" in parameters and parameters["explain"].bool_param
    if asks and EXPLANATION not in names:
        return [*(names or metadata.output_names()), EXPLANATION]
    return names


def timeout_us(request: InferRequest) -> int:
    """Return how long the request may wait, in microseconds: Triton's schedule policy; 0: any time.

    Raises:
        MalformedRequest: it is not a number of microseconds.
    """
    if _TIMEOUT not in request.head.parameters:
        return 0
    stated = request.head.parameters[_TIMEOUT]
    kind = stated.WhichOneof("parameter_choice")
    value = getattr(stated, kind) if kind in ("int64_param", "uint64_param") else -1
    if value < 0:
        raise MalformedRequest("the parameter 'timeout' must be a whole number of microseconds")
    return int(value)


def encode(
    metadata: ModelMetadata, request: InferRequest, results: Mapping[str, Array]
) -> list[Part]:
    """Return the response in parts, raw if the request was raw or had no inputs.

    Every client reads raw tensors. They are copied once, when the parts are joined.
    """
    head = request.head
    if not request.raw and head.inputs:
        return [_typed_response(metadata, head.id, results).SerializeToString()]
    parts: list[Part] = [_head(metadata.name, metadata.version, *_headers(results))]
    if head.id:
        parts += delimited(_ID, head.id.encode())
    for array in results.values():
        parts += delimited(_RAW_OUTPUTS, binary_tensors.encode(array))
    return parts


def _headers(results: Mapping[str, Array]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    return ((name, datatype_of(array), array.shape) for name, array in results.items())


@lru_cache(maxsize=256)
def _head(name: str, version: int, *outputs: tuple[str, str, tuple[int, ...]]) -> bytes:
    """Return all of a response but its id and its contents."""
    response = message(_RESPONSE)(model_name=name, model_version=str(version))
    for output, datatype, shape in outputs:
        response.outputs.add(name=output, datatype=datatype, shape=shape)
    content: bytes = response.SerializeToString()
    return content


def _typed_response(metadata: ModelMetadata, number: str, results: Mapping[str, Array]) -> Any:
    response = message(_RESPONSE)(
        model_name=metadata.name, model_version=str(metadata.version), id=number
    )
    for name, array in results.items():
        datatype = datatype_of(array)
        output = response.outputs.add(name=name, datatype=datatype, shape=array.shape)
        if datatype not in CONTENTS:
            raise InvalidOutput(
                name, f"is {datatype}, which is returned only as raw bytes; send raw_input_contents"
            )
        getattr(output.contents, CONTENTS[datatype]).extend(array.ravel().tolist())
    return response
