"""GET /health/predict: whether an API can predict, for whoever switches between regions.

It needs no authorization, so it tells nothing but yes or no, and it is bounded: at most every 10 s
an environment of this function asks the models, and each environment of a model runs one golden
request in 10 s. Between, the last state is repeated.
"""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from http import HTTPStatus
from time import monotonic
from typing import Final

from lading.functions.contract.errors import InvocationError
from lading.functions.contract.invocation import HEALTH, request_path
from lading.functions.contract.names import HEALTH_PATH
from lading.functions.front.invocation import MOST_AT_ONCE, Answer, Event, Invoke

EVERY_S: Final = 10.0
"""Seconds for which the last state is repeated."""
WAIT_S: Final = 1.5
"""Seconds that a question waits for the models: Route 53 wants a status 2 s after it connects."""
KEPT_S: Final = 30.0
"""Seconds for which a model counts as healthy whose function answers late, as it does when it
starts cold. One that answers wrong, or whose function fails, is unhealthy at once."""


Answerer = Callable[[Event], Answer]


def with_health(answer: Answerer, health: "PublicHealth", base_path: str = "") -> Answerer:
    """Return `answer`, but with the public health check at its path.

    Args:
        answer: answers every other event.
        health: the state of the models.
        base_path: base path of the API's custom domain.
    """

    def answered(event: Event) -> Answer:
        if request_path(event, base_path) != HEALTH_PATH:
            return answer(event)
        healthy = health.healthy()
        return {
            "statusCode": HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE,
            "headers": {"content-type": "application/json", "cache-control": "no-store"},
            "body": json.dumps({"healthy": healthy}),
            "isBase64Encoded": False,
        }

    return answered


class PublicHealth:
    """The state of all models, which one environment remembers.

    Args:
        models: the models that must be right.
        invoke: passes an event to a model's function.
        now: returns the time in seconds.
        wait_s: how long a question waits for the models.
    """

    def __init__(
        self,
        models: Iterable[str],
        invoke: Invoke,
        now: Callable[[], float] = monotonic,
        wait_s: float = WAIT_S,
    ) -> None:
        self._models, self._invoke, self._now, self._wait_s = tuple(models), invoke, now, wait_s
        self._asked: float | None = None
        self._right: dict[str, float] = {}

    def healthy(self) -> bool:
        """Return whether every model has answered right, now or a moment ago."""
        now = self._now()
        if self._asked is None or now - self._asked >= EVERY_S:
            self._asked = now
            self._ask(now)
        return all(now - self._right.get(name, now - KEPT_S) < KEPT_S for name in self._models)

    def _ask(self, now: float) -> None:
        pool = ThreadPoolExecutor(MOST_AT_ONCE)
        asked = {pool.submit(self._invoke, name, {HEALTH: True}): name for name in self._models}
        done, _ = wait(asked, self._wait_s)
        pool.shutdown(wait=False, cancel_futures=True)
        for future in done:
            if _is_right(future):
                self._right[asked[future]] = now
            else:
                self._right.pop(asked[future], None)


def _is_right(future: "Future[Answer]") -> bool:
    try:
        return bool(future.result().get("statusCode") == HTTPStatus.OK)
    except InvocationError:
        return False
