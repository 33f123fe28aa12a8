"""`inference.GRPCInferenceService`: the Open Inference Protocol over gRPC (KServe, Triton).

A request has its tensors raw, all of them in `raw_input_contents`, or typed, each in the field of
its datatype; never both. The answer has the same form, as in KServe; FP16 and BF16 can only be raw.
Triton's `ModelStreamInfer` answers each request of a stream by itself.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from lading.functions.contract.errors import (
    InvalidInput,
    InvalidOutput,
    MalformedRequest,
    Unsupported,
    brief,
)
from lading.functions.contract.names import VERSION
from lading.functions.inference.dialects.open_inference_repository import count
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.service import RpcCall, Service
from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors.conversion import (
    DTYPES,
    Array,
    check_header,
    datatype_of,
    element_count,
    from_json,
    reshape,
)

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


def _live(_work: RpcCall, _request: Any) -> Any:
    return message("inference.ServerLiveResponse")(live=True)


def _ready(work: RpcCall, _request: Any) -> Any:
    return message("inference.ServerReadyResponse")(ready=work.catalog.ready())


def _server_metadata(_work: RpcCall, _request: Any) -> Any:
    return message("inference.ServerMetadataResponse")(name="lading", version=VERSION)


def _model_ready(work: RpcCall, request: Any) -> Any:
    name, version = work.call(request.name, request.version).find_version()
    ready = work.catalog.model(name).ready(version)
    return message("inference.ModelReadyResponse")(ready=ready)


def _model_metadata(work: RpcCall, request: Any) -> Any:
    metadata = work.call(request.name, request.version).predictor().metadata
    return message("inference.ModelMetadataResponse")(
        name=metadata.name,
        versions=map(str, sorted(work.catalog.model(metadata.name).versions)),
        platform=metadata.platform,
        inputs=[spec.to_json() for spec in metadata.inputs],
        outputs=[spec.to_json() for spec in metadata.outputs],
    )


def _repository_index(work: RpcCall, request: Any) -> Any:
    models = []
    for model in work.catalog.models():
        for version in sorted(model.versions):
            ready = model.ready(version)
            reason = "" if ready else str(model.versions[version])
            state = "READY" if ready else "UNAVAILABLE"
            if ready or not request.ready:
                models.append(
                    {"name": model.name, "version": str(version), "state": state, "reason": reason}
                )
    return message("inference.RepositoryIndexResponse")(models=models)


def _statistics(work: RpcCall, request: Any) -> Any:
    call = work.call(request.name, request.version)
    if not request.name:
        call = call._replace(parameters={})  # of all models
    return message("inference.ModelStatisticsResponse")(model_stats=count(call))


def _infer(work: RpcCall, request: Any) -> Any:
    call = work.call(request.model_name, request.model_version)
    predictor = call.predictor()
    inputs = decode(request)
    results = call.predict(predictor, inputs, _wanted(request))
    return encode(predictor.metadata, request, results)


def _infer_part(work: RpcCall, request: Any) -> Any:
    return message("inference.ModelStreamInferResponse")(infer_response=_infer(work, request))


def _stream_error(error: Exception) -> Any:
    return message("inference.ModelStreamInferResponse")(error_message=str(error))


def decode(request: Any) -> dict[str, Array]:
    """Return the arrays of a ModelInferRequest by name; raw ones are not copied.

    Raises:
        RequestError: a tensor does not match its own header.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise MalformedRequest(
            f"raw_input_contents has {len(raw)} tensors, but inputs has {len(request.inputs)}"
        )
    inputs: dict[str, Array] = {}
    for at, tensor in enumerate(request.inputs):
        _check(tensor, inputs)
        if not raw:
            inputs[tensor.name] = _typed(tensor)
        elif tensor.HasField("contents"):
            raise InvalidInput(tensor.name, "has both 'contents' and raw_input_contents; use one")
        else:
            content = memoryview(raw[at])
            inputs[tensor.name] = binary_tensors.decode(
                content, tensor.name, tensor.datatype, list(tensor.shape)
            )
    return inputs


def _check(tensor: Any, before: Mapping[str, Array]) -> None:
    """Check the header of a tensor, before its data is read."""
    if tensor.name in before:
        raise InvalidInput(tensor.name, "is given twice")
    check_header(tensor.name, tensor.datatype, list(tensor.shape))
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


def _wanted(request: Any) -> list[str]:
    """Return the names of the requested outputs; none means all."""
    names: list[str] = []
    for output in request.outputs:
        if output.name in names:
            raise InvalidOutput(output.name, "is requested twice")
        if any(each in output.parameters for each in _REFUSED_PARAMETERS):
            name = brief(output.name)
            raise Unsupported(
                f"output '{name}': classification and shared memory are not supported"
            )
        names.append(output.name)
    return names


def encode(metadata: ModelMetadata, request: Any, results: Mapping[str, Array]) -> Any:
    """Return the response, raw if the request was raw or had no inputs: every client reads raw."""
    response = message("inference.ModelInferResponse")(
        model_name=metadata.name, model_version=str(metadata.version), id=request.id
    )
    raw = bool(request.raw_input_contents) or not request.inputs
    for name, array in results.items():
        datatype = datatype_of(array)
        output = response.outputs.add(name=name, datatype=datatype, shape=array.shape)
        if raw:
            response.raw_output_contents.append(bytes(binary_tensors.encode(array)))
            continue
        if datatype not in CONTENTS:
            raise InvalidOutput(
                name, f"is {datatype}, which is returned only as raw bytes; send raw_input_contents"
            )
        getattr(output.contents, CONTENTS[datatype]).extend(array.ravel().tolist())
    return response


SERVICES = (
    Service(
        "inference.GRPCInferenceService",
        "open_inference_grpc",
        MappingProxyType(
            {
                "ServerLive": _live,
                "ServerReady": _ready,
                "ModelReady": _model_ready,
                "ServerMetadata": _server_metadata,
                "ModelMetadata": _model_metadata,
                "ModelInfer": _infer,
                "ModelStreamInfer": _infer_part,
                "RepositoryIndex": _repository_index,
                "ModelStatistics": _statistics,
            }
        ),
        frozenset(("ModelInfer", "ModelStreamInfer")),
        _stream_error,
    ),
)
