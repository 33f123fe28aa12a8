"""The health of a function's models, for the public health check: a golden request now and then.

The front function asks by an event that no caller can send (`contract.invocation`). On Lambda
nothing runs between two events, so the question itself waits for the golden request.
"""

import json
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from lading.functions.inference.health.golden import difference, read_golden
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation

EVERY_S: Final = 10.0
"""Seconds for which the last answer is repeated."""


class HealthOnDemand:
    """Whether every model of this environment answers its first golden request right.

    Args:
        catalog: the models.
        now: returns the time in seconds.
    """

    def __init__(self, catalog: Catalog, now: Callable[[], float] = monotonic) -> None:
        self._catalog, self._now = catalog, now
        self._asked: float | None = None
        self._reason = ""

    def answer(self) -> dict[str, Any]:
        """Return 200 or 503 as a function's answer; golden requests run at most every 10 s."""
        now = self._now()
        if self._asked is None or now - self._asked >= EVERY_S:
            self._asked, self._reason = now, _first_failure(self._catalog)
        status = 503 if self._reason else 200
        return {"statusCode": status, "body": json.dumps({"reason": self._reason})}


def _first_failure(catalog: Catalog) -> str:
    """Return what is wrong with the first model that is not right; empty if all are."""
    for failure in catalog.failures():
        return failure.reason
    return next(filter(None, map(_failure, catalog.predictors())), "")


def _failure(predictor: Predictor) -> str:
    if predictor.golden is None:
        return ""
    requests, tolerance = read_golden(predictor.golden)
    if not requests:
        return ""
    with Boundary(Observation()) as boundary:
        found = predictor.predict(requests[0].inputs)
        return difference(requests[0].outputs, found, tolerance)
    return f"a golden request fails: {boundary.refusal}"
