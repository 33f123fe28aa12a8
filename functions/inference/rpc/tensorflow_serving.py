"""`tensorflow.serving.PredictionService` and `ModelService`: TensorFlow Serving over gRPC.

As in the REST API (`dialects/tensorflow_serving.py`), requests name signatures, versions by number
or label, and the features of examples are inputs.
"""

from types import MappingProxyType
from typing import Any

from lading.functions.contract.errors import MalformedRequest
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.dialects import tensorflow_examples as examples
from lading.functions.inference.models.call import Call
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata, Predictor, with_signature
from lading.functions.inference.rpc.messages import message, parse
from lading.functions.inference.rpc.service import Predicting, RpcCall, Service
from lading.functions.inference.rpc.tensorflow_tensors import (
    decode_all,
    encode,
    number_of,
    shape_of,
)

_SIGNATURE_FIELD = "signature_def"
_DATA_LOSS = 15
_TYPE_URL = "type.googleapis.com/tensorflow.serving.SignatureDefMap"


def _predict(work: RpcCall, content: bytes) -> Predicting:
    request = parse("tensorflow.serving.PredictRequest", content)
    _, predictor = _resolve(work, request.model_spec)
    inputs = decode_all(request.inputs)
    wanted = list(dict.fromkeys(request.output_filter))
    results = yield Prediction(predictor, inputs, wanted)
    response = message("tensorflow.serving.PredictResponse")(
        model_spec=_spec(request.model_spec, predictor.metadata)
    )
    for name, array in results.items():
        response.outputs[name].CopyFrom(encode(array))
    return [response.SerializeToString()]


def _classify(work: RpcCall, content: bytes) -> Predicting:
    request = parse("tensorflow.serving.ClassificationRequest", content)
    _, predictor = _resolve(work, request.model_spec)
    scores = examples.scores_output(predictor.metadata)
    labels = examples.labels_output(predictor.metadata, scores)
    inputs = examples.decode_examples(_document(request.input), predictor.metadata)
    names = [each.name for each in (scores, labels) if each]
    outputs = yield Prediction(predictor, inputs, names)
    rows = examples.encode_classes(outputs[scores.name], outputs[labels.name] if labels else None)
    classifications = [
        {"classes": [{"label": label, "score": score} for label, score in row]}
        for row in rows["results"]
    ]
    response = message("tensorflow.serving.ClassificationResponse")(
        model_spec=_spec(request.model_spec, predictor.metadata),
        result={"classifications": classifications},
    )
    return [response.SerializeToString()]


def _regress(work: RpcCall, content: bytes) -> Predicting:
    request = parse("tensorflow.serving.RegressionRequest", content)
    _, predictor = _resolve(work, request.model_spec)
    value = examples.value_output(predictor.metadata)
    document = _document(request.input)
    inputs = examples.decode_examples(document, predictor.metadata)
    outputs = yield Prediction(predictor, inputs, [value.name])
    values = examples.encode_values(outputs[value.name], len(document["examples"]))["results"]
    response = message("tensorflow.serving.RegressionResponse")(
        model_spec=_spec(request.model_spec, predictor.metadata),
        result={"regressions": [{"value": each} for each in values]},
    )
    return [response.SerializeToString()]


def _metadata(work: RpcCall, request: Any) -> Any:
    if list(request.metadata_field) != [_SIGNATURE_FIELD]:
        raise MalformedRequest(f"Metadata field must be '{_SIGNATURE_FIELD}', and no other")
    _, predictor = _resolve(work, request.model_spec)
    found = {name: each.metadata for name, each in predictor.signatures.items()}
    signatures = message("tensorflow.serving.SignatureDefMap")(
        signature_def={name: _signature(each) for name, each in found.items()}
    )
    response = message("tensorflow.serving.GetModelMetadataResponse")(
        model_spec=_spec(request.model_spec, predictor.metadata)
    )
    packed = response.metadata[_SIGNATURE_FIELD]
    packed.type_url, packed.value = _TYPE_URL, signatures.SerializeToString()
    return response


def _status(work: RpcCall, request: Any) -> Any:
    call = _call(work, request.model_spec)
    model = call.model()
    named = {"version", "label"} & call.parameters.keys()
    versions = [call.find_version()[1]] if named else sorted(model.versions, reverse=True)
    statuses = []
    for version in versions:
        reason = model.failure(version)
        statuses.append(
            {
                "version": version,
                "state": "END" if reason else "AVAILABLE",
                "status": {"error_code": _DATA_LOSS, "error_message": reason} if reason else {},
            }
        )
    return message("tensorflow.serving.GetModelStatusResponse")(model_version_status=statuses)


def _call(work: RpcCall, spec: Any) -> Call:
    if not spec.name:
        raise MalformedRequest("Missing ModelSpec")
    version = str(spec.version.value) if spec.HasField("version") else ""
    return work.call(spec.name, version, spec.version_label)


def _resolve(work: RpcCall, spec: Any) -> tuple[Call, Predictor]:
    call = _call(work, spec)
    return call, with_signature(call.predictor(), spec.signature_name)


def _spec(asked: Any, metadata: ModelMetadata) -> Any:
    return message("tensorflow.serving.ModelSpec")(
        name=metadata.name,
        version={"value": metadata.version},
        signature_name=asked.signature_name or metadata.signature,
    )


def _signature(metadata: ModelMetadata) -> Any:
    return message("tensorflow.SignatureDef")(
        inputs={spec.name: _info(spec) for spec in metadata.inputs},
        outputs={spec.name: _info(spec) for spec in metadata.outputs},
        method_name=metadata.method,
    )


def _info(spec: TensorSpec) -> Any:
    return message("tensorflow.TensorInfo")(
        name=f"{spec.name}:0", dtype=number_of(spec.datatype), tensor_shape=shape_of(spec.shape)
    )


def _document(given: Any) -> dict[str, Any]:
    """`Input` in the form of the REST API: `examples`, and the `context` that they share."""
    kind = given.WhichOneof("kind")
    if kind is None:
        raise MalformedRequest("Input is empty.")
    chosen = getattr(given, kind)
    document = {"examples": [_features(each) for each in chosen.examples]}
    return document | (
        {"context": _features(chosen.context)} if kind == "example_list_with_context" else {}
    )


def _features(example: Any) -> Any:
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in example.features.feature.items()
        if feature.WhichOneof("kind")
    }


SERVICES = (
    Service(
        "tensorflow.serving.PredictionService",
        "tensorflow_serving_grpc",
        MappingProxyType({"GetModelMetadata": _metadata}),
        MappingProxyType({"Predict": _predict, "Classify": _classify, "Regress": _regress}),
    ),
    Service(
        "tensorflow.serving.ModelService",
        "tensorflow_serving_grpc",
        MappingProxyType({"GetModelStatus": _status}),
    ),
)
