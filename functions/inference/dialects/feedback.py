"""Feedback: the truth about an answer, so that a version's live accuracy is known.

    POST /feedback/{model}
    {"request_id": "<x-request-id of a captured request>", "truth": 3}
    {"id": "<of your own>", "answer": <what /predict answered>, "truth": 3}

The answer says whether the truth was `counted`; only the first one of a request is.
"""

from collections.abc import Mapping

from lading.functions.contract.errors import NoFeedback
from lading.functions.inference.models.call import Call, Operation
from lading.functions.inference.wire.messages import Response, json_response


def feedback(call: Call) -> Response:
    """Store a truth and count it; see the module."""
    model = call.model()
    keeper = call.catalog.feedback
    if keeper is None:
        raise NoFeedback(model.name)
    keeper.check_caller(call.request.headers)
    predictor = model.predictor(model.default_version())
    score, counted = keeper.accept(predictor.metadata, call.request.body)
    call.observation.feedback = score if counted else None
    known = {"model": score.model, "version": score.version, "rows": score.rows}
    return json_response({**known, "counted": counted})


OPERATIONS: Mapping[str, Operation] = {"feedback": feedback}
