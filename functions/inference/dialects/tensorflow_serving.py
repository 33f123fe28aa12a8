"""TensorFlow Serving's REST API: predict, classify, regress, status and metadata.

Texts and status codes are those of the server's own sources
(`model_servers/http_rest_api_handler.cc`). KServe's v1 `:predict` is the same request.
"""

from collections.abc import Mapping
from typing import Any

from lading.functions.contract.errors import MalformedRequest
from lading.functions.inference.dialects.tensorflow_values import (
    decode_columns,
    decode_rows,
    encode_columns,
    encode_rows,
)
from lading.functions.inference.models.call import Call, Operation, Predicting, imported_late
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import Predictor, with_signature
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.wire.messages import json_response


def predict(call: Call) -> Predicting:
    """Answer a prediction by rows or by columns."""
    predictor, document = call.predictor(), json_codec.loads_object(call.request.body)
    return (yield from predict_document(predictor, document))


def predict_document(predictor: Predictor, document: dict[str, Any]) -> Predicting:
    """Answer a request whose JSON has been read, in its form and for its signature.

    Raises:
        InferenceError: the request is wrong, or the model cannot answer it.
    """
    predictor = _signed(predictor, document)
    if "instances" in document and "inputs" in document:
        raise MalformedRequest(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
        )
    if "instances" in document:
        inputs = decode_rows(document.pop("instances"), predictor.metadata)
        return json_response(encode_rows((yield Prediction(predictor, inputs))))
    if "inputs" in document:
        inputs = decode_columns(document.pop("inputs"), predictor.metadata)
        return json_response(encode_columns((yield Prediction(predictor, inputs))))
    raise MalformedRequest("Missing 'inputs' or 'instances' key")


def _classify(call: Call) -> Predicting:
    from lading.functions.inference.dialects import tensorflow_examples as form

    predictor, document = _read(call)
    scores = form.scores_output(predictor.metadata)
    labels = form.labels_output(predictor.metadata, scores)
    inputs = form.decode_examples(document, predictor.metadata)
    wanted = [spec.name for spec in (scores, labels) if spec]
    outputs = yield Prediction(predictor, inputs, wanted)
    texts = outputs[labels.name] if labels else None
    return json_response(form.encode_classes(outputs[scores.name], texts))


def _regress(call: Call) -> Predicting:
    from lading.functions.inference.dialects import tensorflow_examples as form

    predictor, document = _read(call)
    value = form.value_output(predictor.metadata)
    inputs = form.decode_examples(document, predictor.metadata)
    outputs = yield Prediction(predictor, inputs, [value.name])
    return json_response(form.encode_values(outputs[value.name], len(document["examples"])))


def _read(call: Call) -> tuple[Predictor, dict[str, Any]]:
    """Read the request's document, and find the predictor of its signature."""
    predictor, document = call.predictor(), json_codec.loads_object(call.request.body)
    return _signed(predictor, document), document


def _signed(predictor: Predictor, document: dict[str, Any]) -> Predictor:
    """Return the predictor of the signature that the request names."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise MalformedRequest("'signature_name' key must be a string value.")
    return with_signature(predictor, name)


OPERATIONS: Mapping[str, Operation] = {
    "predict": predict,
    "classify": _classify,
    "regress": _regress,
    "explain": imported_late("lading.functions.inference.dialects.explanations", "explain_rows"),
    **{
        name: imported_late("lading.functions.inference.dialects.tensorflow_models", name)
        for name in ("status", "metadata", "models")
    },
}
