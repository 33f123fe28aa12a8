"""Explanations in KServe's v1, in TorchServe's and in the plain dialect.

Each decodes and encodes as its own prediction does, and returns errors in the same form; the
predictor in between also explains. A JSON body may have `explain_parameters` beside its inputs, as
MLServer calls them: {"target": ..., "seed": ...}.
"""

from collections.abc import Generator
from typing import Any

from lading.functions.contract.dialects.torchserve import UNCACHED
from lading.functions.contract.errors import NotAcceptable
from lading.functions.inference.dialects import plain, tensorflow_serving, torchserve
from lading.functions.inference.explaining.asking import (
    explained,
    read_parameters,
    require_recorded,
)
from lading.functions.inference.models.call import Call, Predicting, finish, start
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import EXPLAIN_PARAMETERS, EXPLANATION
from lading.functions.inference.tensors import json_values
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import JSON, Response

_START = 64


def explain_rows(call: Call) -> Predicting:
    """KServe v1's `:explain`: the answer of `:predict`, and `explanations`, one for each row.

    https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
    """
    require_recorded(call.predictor())
    call, parameters = _parameters(call)
    steps = tensorflow_serving.predict(call)
    outputs, documents = yield from _explained(steps, call, parameters)
    return _with_explanations(finish(steps, outputs), documents)


def explain_plainly(call: Call) -> Predicting:
    """`POST /explain/{model}`: the answer of `/predict`, and `explanations`, one for each row."""
    require_recorded(call.predictor())
    call, parameters = _parameters(call)
    steps = plain.predict(call)
    outputs, documents = yield from _explained(steps, call, parameters)
    response = finish(steps, outputs)
    if response.content_type != JSON:
        raise NotAcceptable(response.content_type, [JSON])
    return _with_explanations(response, documents)


def explain_bare(call: Call) -> Predicting:
    """TorchServe's `/explanations/{model}`: values alone, as handlers' `get_insights` returns them.

    A list with one item for each row: the values of the only input, or those of all by name.
    """
    require_recorded(torchserve.named_version(call).predictor())
    call, parameters = _parameters(call)
    steps = torchserve.predict(call)
    _, documents = yield from _explained(steps, call, parameters)
    steps.close()
    values = [json_values.loads(document)["values"] for document in documents]
    bare = [next(iter(each.values())) if len(each) == 1 else each for each in values]
    return Response(200, json_values.dumps(bare), headers=UNCACHED)


def _explained(
    steps: Predicting, call: Call, parameters: dict[str, Any]
) -> Generator[Prediction, dict[str, Array], tuple[dict[str, Array], list[bytes]]]:
    """Have what a dialect wants predicted also explained; return its outputs and explanations."""
    prediction = start(steps)
    assert isinstance(prediction, Prediction)
    model = explained(
        prediction.predictor, parameters, call.request.headers, in_job=call.work is not None
    )
    outputs = yield prediction._replace(predictor=model)
    documents = outputs[EXPLANATION].tolist()
    return {name: array for name, array in outputs.items() if name != EXPLANATION}, documents


def _parameters(call: Call) -> tuple[Call, dict[str, Any]]:
    """Return the call without its parameters of explanations, and these."""
    body = call.request.body
    if EXPLAIN_PARAMETERS.encode() not in body or body[:_START].lstrip()[:1] != b"{":
        return call, {}
    document = json_values.loads(body)
    if not isinstance(document, dict) or EXPLAIN_PARAMETERS not in document:
        return call, {}
    parameters = read_parameters(document.pop(EXPLAIN_PARAMETERS))
    request = call.request._replace(body=json_values.dumps(document))
    return call._replace(request=request), parameters


def _with_explanations(response: Response, documents: list[bytes]) -> Response:
    """Add the explanations to an answer that is a JSON object."""
    listed = b'"explanations":[' + b",".join(documents) + b"]}"
    return response._replace(body=response.body.rstrip()[:-1] + b"," + listed)
