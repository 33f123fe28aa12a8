"""The health of one loaded version in a server: its golden request, and runs that never end.

Whoever asks gets the last known state at once. If that is old, the question also lets the first
golden request wait in the model's own lane, like a caller's. So a queue that is full delays the
next state, and does not read as broken.
"""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from threading import Lock
from time import monotonic
from typing import Any, Final
from weakref import ref

from lading.functions.contract.errors import Overloaded
from lading.functions.inference.health.golden import difference, read_golden
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import Health, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation

EVERY_S: Final = 10.0
"""Seconds between two golden requests of one version."""


class VersionHealth(Health):
    """The health of a version that has answered its golden requests right when it was loaded.

    Args:
        predictor: the version; it is not kept in memory by this.
        lanes: the queue of predictions.
        longest_run_s: seconds after which a run of the model counts as one that never ends.
        now: returns the time in seconds.
    """

    def __init__(
        self,
        predictor: Predictor,
        lanes: Lanes,
        longest_run_s: float,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._predictor, self._lanes = ref(predictor), lanes
        self._name, self._longest_run_s, self._now = predictor.metadata.name, longest_run_s, now
        self._lock, self._asked, self._waits, self._reason = Lock(), now(), False, ""

    def failure(self) -> str:
        """See `Health.failure`."""
        self._ask_again()
        since = self._lanes.oldest_run(self._name)
        if since > self._longest_run_s:
            return f"a run of it has not ended for {since:.0f} s"
        return self._reason

    def _ask_again(self) -> None:
        """Let the golden request wait for its turn, if none does and the last one is old."""
        with self._lock:
            now, predictor = self._now(), self._predictor()
            if self._waits or now - self._asked < EVERY_S or predictor is None:
                return
            if predictor.golden is None:
                return
            self._asked, self._waits = now, True
        try:
            turn = self._lanes.submit(_asking(predictor), Observation(), self._name)
        except Overloaded:
            self._waits = False
            return
        turn.add_done_callback(self._note)

    def _note(self, turn: Future[str]) -> None:
        error: Any = turn.exception()
        self._reason = turn.result() if error is None else f"a golden request fails: {error}"
        self._waits = False


def _asking(predictor: Predictor) -> Generator[Prediction, dict[str, Array], str]:
    """Send the first golden request, and return what is wrong with its answer."""
    assert predictor.golden is not None
    requests, tolerance = read_golden(predictor.golden)
    if not requests:
        return ""
    found = yield Prediction(predictor, requests[0].inputs)
    return difference(requests[0].outputs, found, tolerance)
