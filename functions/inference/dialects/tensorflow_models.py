"""Models in TensorFlow Serving's REST API: their status and their signatures.

`GET /v1/models` and `GET /v1/models/{model}` belong to OpenAI and KServe v1 as well: the document
has the keys of all three, and each client reads its own (docs/adr/0021).
"""

from types import MappingProxyType
from typing import Any

from lading.functions.contract.names import model_list, model_object
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.loading.catalog import CatalogModel
from lading.functions.inference.models.call import Call
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import BYTES
from lading.functions.inference.wire.messages import Response, json_response

DATATYPES = MappingProxyType(
    {
        "BOOL": "DT_BOOL",
        "UINT8": "DT_UINT8",
        "UINT16": "DT_UINT16",
        "UINT32": "DT_UINT32",
        "UINT64": "DT_UINT64",
        "INT8": "DT_INT8",
        "INT16": "DT_INT16",
        "INT32": "DT_INT32",
        "INT64": "DT_INT64",
        "FP16": "DT_HALF",
        "FP32": "DT_FLOAT",
        "FP64": "DT_DOUBLE",
        "BF16": "DT_BFLOAT16",
        BYTES: "DT_STRING",
    }
)
"""Open Inference Protocol datatype -> TensorFlow's name."""


def status(call: Call) -> Response:
    """Answer with every version's state, the newest first, or with the state of one version.

    Raises:
        NotFound: the model or the version is not served.
    """
    model = call.model()
    if {"version", "label"} & call.parameters.keys():
        version = call.find_version()[1]
        return json_response({"model_version_status": [_version_status(model, version)]})
    versions = sorted(model.versions, reverse=True)
    return json_response(
        {
            **model_object(model.name),
            "name": model.name,
            "ready": model.ready(model.default_version()),
            "model_version_status": [_version_status(model, version) for version in versions],
        }
    )


def models(call: Call) -> Response:
    """Answer with OpenAI's list of models; TensorFlow Serving has none."""
    return json_response(model_list(call.catalog.names()))


def _version_status(model: CatalogModel, version: int) -> dict[str, Any]:
    reason = model.failure(version)
    return {
        "version": str(version),
        "state": "END" if reason else "AVAILABLE",
        "status": {"error_code": "DATA_LOSS" if reason else "OK", "error_message": reason},
    }


def metadata(call: Call) -> Response:
    """Answer with the signatures of a version; TensorFlow Serving writes their key twice.

    Raises:
        NotFound: the model or the version is not served.
        ModelUnavailable: it failed to load.
    """
    predictor = call.predictor()
    found = predictor.metadata
    signatures = {name: _signature(each.metadata) for name, each in predictor.signatures.items()}
    specification = {"name": found.name, "signature_name": "", "version": str(found.version)}
    return json_response(
        {"model_spec": specification, "metadata": {"signature_def": {"signature_def": signatures}}}
    )


def _signature(metadata: ModelMetadata) -> dict[str, Any]:
    return {
        "inputs": {spec.name: _tensor_info(spec) for spec in metadata.inputs},
        "outputs": {spec.name: _tensor_info(spec) for spec in metadata.outputs},
        "method_name": metadata.method,
    }


def _tensor_info(spec: TensorSpec) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in spec.shape]
    return {
        "dtype": DATATYPES[spec.datatype],
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
        "name": f"{spec.name}:0",
    }
