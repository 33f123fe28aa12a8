"""From what a request states to a model that explains its answer."""

from collections.abc import Mapping
from typing import Any, Final

from lading.functions.contract.errors import MalformedRequest, NotExplained, brief
from lading.functions.contract.limits import GATEWAY, LAMBDA
from lading.functions.inference.explaining.explained import ExplainedPredictor, Question
from lading.functions.inference.explaining.recorded import Recorded
from lading.functions.inference.lanes.deadline import deadline_of, within
from lading.functions.inference.models.predictor import EXPLAIN_PARAMETERS, Predictor
from lading.functions.inference.tensors import json_values

_MARGIN_S: Final = 30
"""Seconds that a job has left to store its answer."""
_MOST: Final = 1 << 31
_KEYS: Final = ("target", "seed")


def explained(
    predictor: Predictor,
    parameters: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    in_job: bool = False,
) -> ExplainedPredictor:
    """Return the model with explanations.

    Args:
        predictor: the model.
        parameters: `target`, the place of the value to explain in a row's output, and `seed`; both
            whole numbers, and both may be missing.
        headers: of the request, which may state a deadline.
        in_job: whether the request is in a job, which may take longer.

    Raises:
        NotExplained: the model has no explanations.
        MalformedRequest: a parameter is unknown or wrong.
    """
    recorded = require_recorded(predictor)
    for key in parameters:
        if key not in _KEYS:
            known = " and ".join(_KEYS)
            raise MalformedRequest(f"unknown parameter '{brief(key)}' of explanations; use {known}")
    limit = LAMBDA.timeout_s - _MARGIN_S if in_job else GATEWAY.answer_timeout_s
    deadline = deadline_of(headers).earlier(within(limit))
    target = _number(parameters, "target") if "target" in parameters else None
    seed = _number(parameters, "seed") if "seed" in parameters else 0
    return ExplainedPredictor(predictor, recorded, Question(deadline, target, seed, each=in_job))


def require_recorded(predictor: Predictor) -> Recorded:
    """Return what is recorded for a model's explanations.

    Raises:
        NotExplained: nothing is, or it cannot be read.
    """
    try:
        recorded = predictor.recorded
    except ValueError as error:
        reason = f"they {error}; package it again, or upgrade Lading"
        raise NotExplained(predictor.metadata.name, reason) from error
    if recorded is None:
        raise NotExplained(predictor.metadata.name)
    return recorded


def read_parameters(stated: Any) -> dict[str, Any]:
    """Return the parameters of an explanation from a JSON object, or from the text of one.

    Raises:
        MalformedRequest: it is something else.
    """
    document = json_values.loads(stated.encode()) if isinstance(stated, str) else stated
    if not isinstance(document, dict):
        raise MalformedRequest(f"'{EXPLAIN_PARAMETERS}' must be a JSON object")
    return document


def _number(parameters: Mapping[str, Any], key: str) -> int:
    value = parameters[key]
    if type(value) is not int or not 0 <= value < _MOST:
        raise MalformedRequest(
            f"'{key}' of explanations must be a whole number from 0 to {_MOST - 1}"
        )
    return value
