"""Open Inference Protocol v2 over REST, with the binary tensor extension (Triton, KServe).

Formats: https://github.com/kserve/open-inference-protocol and Triton's
`protocol/extension_binary_data.md`. Arrays in JSON are flat and row-major in answers, flat or
nested in requests. FP16 and BF16 are sent in binary form only.
"""

from collections.abc import Mapping
from typing import Any

from lading.functions.contract.dialects.open_inference import LIVE, SERVER
from lading.functions.contract.errors import (
    InvalidInput,
    InvalidOutput,
    MalformedRequest,
    Unsupported,
    brief,
)
from lading.functions.inference.models.call import Call, Operation, Predicting, imported_late
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import (
    EXPLAIN_PARAMETERS,
    EXPLANATION,
    ModelMetadata,
    Predictor,
    with_signature,
)
from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from lading.functions.inference.tensors.conversion import (
    BYTES,
    RAW_ONLY,
    Array,
    check_header,
    datatype_of,
    element_count,
    from_json,
    reshape,
)
from lading.functions.inference.wire.messages import Response, json_response

_OCTETS = "application/octet-stream"
_NO_TENSORS = memoryview(b"")
_SHARED_MEMORY = "shared_memory_region"


def _server_metadata(_call: Call) -> Response:
    return json_response(SERVER)


def _live(_call: Call) -> Response:
    return json_response(LIVE)


def _ready(call: Call) -> Response:
    ready = call.catalog.ready()
    waiting = call.catalog.waiting()
    document = {"ready": ready, **({"waiting": waiting} if waiting else {})}
    return json_response(document, 200 if ready else 503)


def _model_ready(call: Call) -> Response:
    name, version = call.find_version()
    ready = call.catalog.model(name).ready(version)
    return json_response({"name": name, "ready": ready}, 200 if ready else 503)


def _model_metadata(call: Call) -> Response:
    metadata = call.predictor().metadata
    versions = sorted(call.catalog.model(metadata.name).versions)
    return json_response(
        {
            "name": metadata.name,
            "versions": [str(version) for version in versions],
            "platform": metadata.platform,
            "inputs": [spec.to_json() for spec in metadata.inputs],
            "outputs": [spec.to_json() for spec in metadata.outputs],
        }
    )


def _infer(call: Call) -> Predicting:
    response = yield from infer(call)
    accepted = call.request.headers.get("accept-encoding")
    if accepted is None:
        return response
    from lading.functions.inference.wire import content_encoding

    chosen = content_encoding.choose(accepted)
    if not chosen or len(response.body) < content_encoding.WORTHWHILE:
        return response
    headers = {**response.headers, "content-encoding": chosen, "vary": "accept-encoding"}
    return response._replace(body=content_encoding.pack(response.body, chosen), headers=headers)


def infer(call: Call) -> Predicting:
    """Answer an inference request, in JSON or with binary tensors.

    Raises:
        InferenceError: the request is wrong, or the model cannot answer it.
    """
    predictor = call.predictor()
    metadata = predictor.metadata
    header, tail = binary_tensors.split_body(call.request)
    if header is None:
        inputs = binary_tensors.raw_input(tail, metadata.inputs)
        results = yield Prediction(predictor, inputs)
        return _encode(metadata, {}, results, dict.fromkeys(results, True))
    return (yield from infer_document(call, predictor, json_codec.loads(header), tail))


def infer_document(
    call: Call, predictor: Predictor, request: Any, tail: memoryview = _NO_TENSORS
) -> Predicting:
    """Answer a request whose JSON has been read; `tail` holds its binary tensors.

    The output `explanation` is Lading's extension: a request names it, or states `explain: true`.

    Raises:
        InferenceError: the request is wrong, or the model cannot answer it.
    """
    document = _object(request, "the request")
    predictor = _signed(predictor, document)
    metadata = predictor.metadata
    if not isinstance(document.get("id", ""), str):
        raise MalformedRequest("'id' must be a string")
    inputs = _decode_inputs(document.pop("inputs", []), tail)  # the numbers as read are not kept
    binary = _decode_outputs(document, metadata)
    if EXPLANATION in binary and EXPLANATION not in metadata.output_names():
        predictor = _explained(call, predictor, document)
    results = yield Prediction(predictor, inputs, list(binary), timeout_us=_timeout(document))
    return _encode(metadata, document, _classified(document, results), binary)


def _signed(predictor: Predictor, document: dict[str, Any]) -> Predictor:
    """Return the predictor of the signature in the parameters, which is Lading's extension."""
    name = _object(document.get("parameters", {}), "'parameters'").get("signature_name", "")
    if not isinstance(name, str):
        raise MalformedRequest("'signature_name' must be a string")
    return with_signature(predictor, name)


def _explained(call: Call, predictor: Predictor, document: dict[str, Any]) -> Predictor:
    """Return the predictor that also explains its answers."""
    from lading.functions.inference.explaining import asking

    parameters = asking.read_parameters(document.get("parameters", {}).get(EXPLAIN_PARAMETERS, {}))
    headers, in_job = call.request.headers, call.work is not None
    return asking.explained(predictor, parameters, headers, in_job=in_job)


def _timeout(document: dict[str, Any]) -> int:
    """Return Triton's parameter `timeout`, in microseconds; 0 states none."""
    timeout = document.get("parameters", {}).get("timeout", 0)
    if type(timeout) is not int or timeout < 0:
        raise MalformedRequest("'timeout' must be a whole number of microseconds")
    return timeout


def _classified(document: dict[str, Any], results: dict[str, Array]) -> dict[str, Array]:
    """Return the outputs, with the requested ones replaced by their highest classes."""
    requested = [
        (output["name"], output["parameters"]["classification"])
        for output in document.get("outputs", ())
        if "classification" in output.get("parameters", ())
    ]
    if not requested:
        return results
    from lading.functions.inference.dialects.classification import read_count, top_classes

    counts = {name: read_count(name, wanted) for name, wanted in requested}
    return {
        name: top_classes(name, array, counts[name]) if name in counts else array
        for name, array in results.items()
    }


def _decode_inputs(tensors: Any, tail: memoryview) -> dict[str, Array]:
    """Decode arrays by name; binary ones are in `tail`, in the order of the inputs."""
    if not isinstance(tensors, list):
        raise MalformedRequest("'inputs' must be a list of tensors")
    inputs: dict[str, Array] = {}
    offset = 0
    for tensor in tensors:
        name, datatype, shape, parameters = _read_header(_object(tensor, "an input"))
        if name in inputs:
            raise InvalidInput(name, "is given twice; remove one")
        size = parameters.get("binary_data_size")
        if size is None:
            inputs[name] = _json_tensor(tensor, name, datatype, shape)
            continue
        if "data" in tensor:
            raise InvalidInput(name, "has both 'data' and 'binary_data_size'; give one")
        content = binary_tensors.take(tail, offset, size, name)
        inputs[name] = binary_tensors.decode(content, name, datatype, shape)
        offset += size
    if offset != len(tail):
        raise MalformedRequest(
            f"{len(tail)} bytes follow the JSON header, but the inputs have {offset}"
        )
    return inputs


def _read_header(tensor: dict[str, Any]) -> tuple[str, str, list[int], dict[str, Any]]:
    name = tensor.get("name")
    if not isinstance(name, str):
        raise MalformedRequest("every input needs a 'name'")
    datatype, shape = tensor.get("datatype", ""), tensor.get("shape", "")
    check_header(name, datatype, shape)
    parameters = _object(tensor.get("parameters", {}), f"'parameters' of input '{brief(name)}'")
    if _SHARED_MEMORY in parameters:
        raise Unsupported(
            f"input '{brief(name)}' is in shared memory, which is not supported; send the data"
        )
    return name, datatype, shape, parameters


def _json_tensor(tensor: dict[str, Any], name: str, datatype: str, shape: list[int]) -> Array:
    if "data" not in tensor:
        raise InvalidInput(name, "has neither 'data' nor 'binary_data_size'")
    if datatype in RAW_ONLY:
        raise InvalidInput(name, f"is {datatype}, which JSON cannot hold; send it as binary data")
    array = from_json(tensor["data"], name, datatype)
    if array.size != element_count(shape):
        raise InvalidInput(
            name, f"has {array.size} elements, but its shape {shape} has {element_count(shape)}"
        )
    if array.ndim > 1 and list(array.shape) != shape:
        raise InvalidInput(name, f"is nested as {list(array.shape)}, but its shape is {shape}")
    return reshape(array, shape, name)


def _decode_outputs(document: dict[str, Any], metadata: ModelMetadata) -> dict[str, bool]:
    """Read the requested outputs, and whether each is returned in binary form."""
    parameters = _object(document.get("parameters", {}), "'parameters'")
    binary = _flag(parameters, "binary_data_output", default=False)
    outputs = document.get("outputs", [])
    if not isinstance(outputs, list):
        raise MalformedRequest("'outputs' must be a list")
    wanted = {}
    for output in outputs:
        name = _object(output, "an output").get("name")
        if not isinstance(name, str):
            raise MalformedRequest("every output needs a 'name'")
        options = _object(output.get("parameters", {}), f"'parameters' of output '{brief(name)}'")
        if _SHARED_MEMORY in options:
            raise Unsupported(f"output '{brief(name)}': shared memory is not supported")
        if name in wanted:
            raise InvalidOutput(name, "is requested twice; remove one")
        wanted[name] = _flag(options, "binary_data", default=binary)
    wanted = wanted or dict.fromkeys(metadata.output_names(), binary)
    if _flag(parameters, "explain", default=False):
        wanted.setdefault(EXPLANATION, binary)
    return wanted


def _flag(parameters: dict[str, Any], key: str, *, default: bool) -> bool:
    value = parameters.get(key, default)
    if not isinstance(value, bool):
        raise MalformedRequest(f"'{key}' must be true or false")
    return value


def _encode(
    metadata: ModelMetadata,
    document: dict[str, Any],
    results: dict[str, Array],
    binary: dict[str, bool],
) -> Response:
    outputs, contents = [], []
    for name, array in results.items():
        output: dict[str, Any] = {
            "name": name,
            "datatype": datatype_of(array),
            "shape": list(array.shape),
        }
        if binary[name]:
            contents.append(binary_tensors.encode(array))
            output["parameters"] = {"binary_data_size": len(contents[-1])}
        else:
            output["data"] = _to_json(name, array)
        outputs.append(output)
    answer = {"model_name": metadata.name, "model_version": str(metadata.version)}
    if "id" in document:
        answer["id"] = document["id"]
    header = json_codec.dumps({**answer, "outputs": outputs})
    if not any(binary.values()):
        return Response(200, header)
    body = b"".join([header, *contents])
    return Response(200, body, _OCTETS, {HEADER_LENGTH: str(len(header))})


def _to_json(name: str, array: Array) -> Any:
    datatype = datatype_of(array)
    if datatype in RAW_ONLY:
        reason = f"is {datatype}, which JSON cannot hold; request it as binary data"
        raise InvalidOutput(name, reason)
    if datatype != BYTES:
        return array.ravel()
    try:
        return [item.decode() for item in array.flat]
    except UnicodeDecodeError as error:
        raise InvalidOutput(
            name, "holds bytes that are not text; request it as binary data"
        ) from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedRequest(f"{what} must be a JSON object")
    return value


OPERATIONS: Mapping[str, Operation] = {
    "server_metadata": _server_metadata,
    "live": _live,
    "ready": _ready,
    "model_metadata": _model_metadata,
    "model_ready": _model_ready,
    "infer": _infer,
    **{
        name: imported_late(f"{__name__}_generate", name)
        for name in ("generate", "generate_stream")
    },
    **{
        name: imported_late(f"{__name__}_repository", name)
        for name in ("index", "load", "unload", "config", "statistics")
    },
}
