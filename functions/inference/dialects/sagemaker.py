"""SageMaker's contract for containers: `/ping`, `/invocations`, and `/models` for many models.

A JSON body is an Open Inference request, or TensorFlow Serving's if it has `instances`; any other
value is the model's only input, as in SageMaker's own containers. The answer has the same form.
`media_requests` reads CSV, npy and JSON Lines; the Accept header chooses the type of the answer.

SageMaker drops headers that it does not know, so the length of the JSON before binary tensors is in
the content type: `application/vnd.sagemaker-triton.binary+json;json-header-size=123`. Types and
spelling are those of Triton's SageMaker mode (`src/sagemaker_server.cc`).

Custom attributes reach the custom code of the model, and are returned with the answer.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lading.functions.contract.errors import (
    MalformedRequest,
    ModelConflict,
    Unsupported,
    UnsupportedMediaType,
    brief,
)
from lading.functions.inference.dialects import (
    open_inference,
    tensorflow_serving,
    tensorflow_values,
)
from lading.functions.inference.loading.catalog import Control
from lading.functions.inference.models.call import Call, Operation, Predicting, finish
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import JSON, Response, json_response

BINARY = "application/vnd.sagemaker-triton.binary+json"
"""The content type, without parameters, of a body with binary tensors."""

_BINARY_PREFIX = f"{BINARY};json-header-size="
_MOST_DIGITS = 12
_NO_MEMORY = 507
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


def _ping(call: Call) -> Response:
    """Answer as TorchServe does; SageMaker reads only the status.

    A server without a model is not healthy, unless SageMaker itself requests what it loads.
    """
    control = call.catalog.control
    loaded = bool(call.catalog.names()) or (control is not None and control.multi_model)
    if loaded and call.catalog.ready():
        return Response(200, b'{"status":"Healthy"}')
    return Response(500, b'{"status":"Unhealthy"}')


def _invoke(call: Call) -> Predicting:
    """Answer, with the request's custom attributes if it has any."""
    attributes = call.request.headers.get(_ATTRIBUTES)
    if attributes is None:
        return (yield from _infer(call))
    steps = _infer(call)
    outputs = yield next(steps)._replace(attributes=attributes)
    response = finish(steps, outputs)
    return response._replace(headers={**response.headers, _ATTRIBUTES: attributes})


def _infer(call: Call) -> Predicting:
    """Infer from a body of any type; the requested outputs decide the type of the answer."""
    given = call.request.headers.get("content-type", JSON)
    if not given.startswith(_BINARY_PREFIX):
        is_json = given == JSON or given.partition(";")[0].strip().lower() == JSON
        return (yield from _invoke_json(call) if is_json else _invoke_media(call, given))
    size = given.removeprefix(_BINARY_PREFIX).partition(";")[0]
    length = _checked_size(size, len(call.request.body))
    request = call.request._replace(headers={**call.request.headers, HEADER_LENGTH: length})
    return _typed((yield from open_inference.infer(call._replace(request=request))))


def _typed(response: Response) -> Response:
    """Return an answer with binary tensors, whose type has the length of its JSON."""
    length = response.headers.get(HEADER_LENGTH)
    if length is None:
        return response
    return Response(response.status, response.body, f"{_BINARY_PREFIX}{length}")


def _invoke_json(call: Call) -> Predicting:
    """Infer from JSON, whose form decides: named tensors, TensorFlow Serving's forms, or rows."""
    predictor = call.predictor()
    document = json_codec.loads(call.request.body)
    if isinstance(document, dict) and not _holds_tensors(document, predictor.metadata):
        return (yield from tensorflow_serving.predict_document(predictor, document))
    if isinstance(document, list | np.ndarray):
        inputs = tensorflow_values.decode_rows(document, predictor.metadata)
        return _bare((yield Prediction(predictor, inputs)))
    return _typed((yield from open_inference.infer_document(call, predictor, document)))


def _bare(outputs: dict[str, Array]) -> Response:
    """Return the rows or columns themselves, without the key that TensorFlow Serving gives them."""
    (values,) = _rows_or_columns(outputs).values()
    return json_response(values)


def _holds_tensors(document: dict[str, Any], metadata: ModelMetadata) -> bool:
    """Return whether `inputs` are named tensors, not values."""
    inputs = document.get("inputs")
    if "instances" in document or not isinstance(inputs, list):
        return False
    if not inputs:
        return not metadata.inputs
    return all(isinstance(each, dict) and "datatype" in each for each in inputs)


def _rows_or_columns(outputs: dict[str, Array]) -> dict[str, Any]:
    """`predictions` by row; `outputs` by name where the outputs differ in their number of rows.

    A detector returns all boxes that it finds, and their number.
    """
    if tensorflow_values.have_rows(outputs):
        return tensorflow_values.encode_rows(outputs)
    return tensorflow_values.encode_columns(outputs)


def _invoke_media(call: Call, content_type: str) -> Predicting:
    from lading.functions.inference.wire import media_answers, media_requests

    if media_requests.find_decoder(content_type) is None:
        known = (*media_requests.KNOWN, f"{_BINARY_PREFIX}<bytes of JSON>")
        raise UnsupportedMediaType(content_type, known)
    wanted = media_answers.choose(call.request.headers.get("accept", ""))
    predictor = call.predictor()
    inputs = media_requests.decode(content_type, call.request.body, predictor.metadata)
    outputs = yield Prediction(predictor, inputs)
    if wanted == JSON:
        return json_response(_rows_or_columns(outputs))
    return Response(200, media_answers.encode(wanted, outputs), wanted)


def _checked_size(text: str, limit: int) -> str:
    """Check the length of the JSON; Triton reads a text that is not a number as 0."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise MalformedRequest(f"json-header-size must be a number of bytes, got '{text[:40]}'")
    if int(text) > limit:
        raise MalformedRequest(f"json-header-size is {text}, but the body has {limit} bytes")
    return text


def _load(call: Call) -> Response:
    """Load a model from the folder where SageMaker has put it."""
    control = _control(call)
    document = json_codec.loads_object(call.request.body)
    name, url = document.get("model_name"), document.get("url")
    if not isinstance(name, str) or not isinstance(url, str) or not url:
        raise MalformedRequest("'model_name' and 'url' must be strings")
    if name in call.catalog.names():
        raise ModelConflict(name, "is loaded already; unload it first")
    try:
        control.load(name, url)
    except MemoryError:
        text = f"not enough memory for model '{brief(name)}'; unload another model first"
        return json_response({"error": text}, _NO_MEMORY)
    return json_response(_described(call, name))


def _list(call: Call) -> Response:
    models = [_described(call, name) for name in call.catalog.names()]
    return json_response({"models": models})


def _describe(call: Call) -> Response:
    return json_response(_described(call, call.model().name))


def _described(call: Call, name: str) -> dict[str, str]:
    return {"modelName": name, "modelUrl": _control(call).places().get(name, "")}


def _unload(call: Call) -> Response:
    _control(call).unload(call.parameters["model"])
    return Response(200, b"{}")


def _control(call: Call) -> Control:
    if call.catalog.control is None:
        raise Unsupported("models cannot be loaded here: the deployment decides what is served")
    return call.catalog.control


OPERATIONS: Mapping[str, Operation] = {
    "ping": _ping,
    "invoke": _invoke,
    "load": _load,
    "list": _list,
    "describe": _describe,
    "unload": _unload,
}
