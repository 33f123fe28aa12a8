"""Whether a model is quick enough to run where requests are received, by measurement."""

from math import inf
from typing import Final
from weakref import WeakKeyDictionary

from lading.functions.inference.models.predictor import Predictor

QUICK_S: Final = 0.001
SLOW_S: Final = 0.010
RUNS: Final = 5
MOST_SLOW: Final = 3
FORGIVEN: Final = 100
"""Runs after which slow ones are forgotten: the system may interrupt any run, once in a while."""


class RunPace:
    """The runs of one version of a model so far.

    It becomes quick when the best of five runs takes less than a millisecond, and is measured anew
    after three runs of more than ten in a hundred: a run in the event loop holds up every other
    request. Processor time would hide a model that waits for something else.
    """

    __slots__ = ("_best_s", "_runs", "_slow", "brief", "quick")

    def __init__(self) -> None:
        self.quick = False
        self.brief = False
        """Whether the best of five runs took less than ten milliseconds."""
        self._runs, self._slow, self._best_s = 0, 0, inf

    def note(self, seconds: float) -> None:
        """Take one run into account."""
        if self.quick:
            self._runs += 1
            if self._runs > FORGIVEN:
                self._restart()
            self._slow += seconds > SLOW_S
            if self._slow >= MOST_SLOW:
                self.quick = self.brief = False
                self._restart()
            return
        self._runs += 1
        self._best_s = min(self._best_s, seconds)
        if self._runs >= RUNS:
            self.quick, self.brief = self._best_s < QUICK_S, self._best_s < SLOW_S
            self._restart()

    def _restart(self) -> None:
        self._runs, self._slow, self._best_s = 0, 0, inf


class Paces:
    """The pace of each version and signature of a model, as long as it is loaded.

    A version that is loaded later under the same name is measured anew, even under the same number.
    """

    def __init__(self) -> None:
        self._paces: WeakKeyDictionary[Predictor, RunPace] = WeakKeyDictionary()

    def quick(self, predictor: Predictor, *, alone: bool = False) -> bool:
        """Return whether it may run where requests are received.

        Args:
            predictor: the model.
            alone: whether it would hold up nobody who is there now.
        """
        pace = self._paces.get(predictor)
        return pace is not None and (pace.quick or (alone and pace.brief))

    def note(self, predictor: Predictor, seconds: float) -> None:
        """Take one run into account."""
        pace = self._paces.get(predictor)
        if pace is None:
            pace = self._paces[predictor] = RunPace()
        pace.note(seconds)
