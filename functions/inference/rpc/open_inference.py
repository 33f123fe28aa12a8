"""`inference.GRPCInferenceService`: the Open Inference Protocol over gRPC (KServe, Triton).

Triton's `ModelStreamInfer` answers each request of a stream by itself.
"""

from types import MappingProxyType
from typing import Any

from lading.functions.contract.names import VERSION
from lading.functions.inference.dialects.open_inference_repository import count
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import EXPLAIN_PARAMETERS, Predictor
from lading.functions.inference.rpc import open_inference_tensors as tensors
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.raw_contents import nested
from lading.functions.inference.rpc.service import Predicting, RpcCall, Service

_INFER_RESPONSE = 2
"""The number of ModelStreamInferResponse's field for the response."""


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
            reason = model.failure(version)
            state = "UNAVAILABLE" if reason else "READY"
            if not (reason and request.ready):
                models.append(
                    {"name": model.name, "version": str(version), "state": state, "reason": reason}
                )
    return message("inference.RepositoryIndexResponse")(models=models)


def _statistics(work: RpcCall, request: Any) -> Any:
    call = work.call(request.name, request.version)
    if not request.name:
        call = call._replace(parameters={})  # of all models
    return message("inference.ModelStatisticsResponse")(model_stats=count(call))


def _infer(work: RpcCall, content: bytes) -> Predicting:
    request = tensors.read(content)
    call = work.call(request.head.model_name, request.head.model_version)
    predictor = call.predictor()
    wanted = tensors.wanted(request, predictor.metadata)
    explains = tensors.explains(wanted, predictor.metadata)
    asked = Prediction(
        _explained(predictor, request) if explains else predictor,
        tensors.decode(request),
        wanted,
        timeout_us=tensors.timeout_us(request),
    )
    results = yield asked
    return tensors.encode(predictor.metadata, request, results)


def _explained(predictor: Predictor, request: tensors.InferRequest) -> Predictor:
    """Return the predictor that also explains its answers."""
    from lading.functions.inference.explaining import asking

    parameters = request.head.parameters
    stated = parameters[EXPLAIN_PARAMETERS].string_param if EXPLAIN_PARAMETERS in parameters else {}
    return asking.explained(predictor, asking.read_parameters(stated), {})


def _infer_part(work: RpcCall, content: bytes) -> Predicting:
    return nested(_INFER_RESPONSE, (yield from _infer(work, content)))


def _stream_error(error: Exception) -> Any:
    return message("inference.ModelStreamInferResponse")(error_message=str(error))


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
                "RepositoryIndex": _repository_index,
                "ModelStatistics": _statistics,
            }
        ),
        MappingProxyType({"ModelInfer": _infer, "ModelStreamInfer": _infer_part}),
        _stream_error,
        tensors.is_short,
    ),
)
