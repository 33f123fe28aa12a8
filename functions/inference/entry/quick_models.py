"""Which models are quick enough to run in the event loop, by measurement.

A hop to a thread and back takes longer than a small model. A model that takes long must not run in
the loop, which also answers health checks.
"""

from typing import Final
from weakref import WeakKeyDictionary

from lading.functions.inference.models.predictor import Predictor

RUNS: Final = 5
"""Runs that are measured before a model may run in the loop."""
QUICK_S: Final = 0.001
"""Seconds that the best of them may take."""
SLOW_S: Final = 0.010
MOST_SLOW: Final = 3
"""Runs in the loop that may take `SLOW_S`, before the model goes back to the threads."""


class _Pace:
    """The runs of one model since it was last judged."""

    __slots__ = ("best", "quick", "runs", "slow")

    def __init__(self) -> None:
        self.quick = False
        self.best, self.runs, self.slow = QUICK_S, 0, 0

    def note(self, seconds: float) -> None:
        if self.quick:
            self.slow += seconds >= SLOW_S
            self.quick = self.slow < MOST_SLOW
            return
        self.runs, self.best = self.runs + 1, min(self.best, seconds)
        if self.runs == RUNS:
            self.quick = self.best < QUICK_S
            self.best, self.runs, self.slow = QUICK_S, 0, 0


class QuickModels:
    """The pace of each loaded model; a model that is loaded again is measured again."""

    def __init__(self) -> None:
        self._paces: WeakKeyDictionary[Predictor, _Pace] = WeakKeyDictionary()

    def __contains__(self, predictor: Predictor) -> bool:
        pace = self._paces.get(predictor)
        return pace is not None and pace.quick

    def note(self, predictor: Predictor, seconds: float) -> None:
        """Count one run that has answered."""
        pace = self._paces.get(predictor)
        if pace is None:
            pace = self._paces[predictor] = _Pace()
        pace.note(seconds)
