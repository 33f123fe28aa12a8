"""Gathers predictions, and hands them over in groups; a request costs a few references.

A group is of one version: up to 1,000 requests, or 4 MiB, whichever comes first. `tally.py`, which
is imported for the first group, counts it. In a minute with many requests one of several is
gathered, at random; the line says how many there were.
"""

from collections.abc import Iterator, Sequence
from time import perf_counter, time
from typing import TYPE_CHECKING, Final

import numpy as np

from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.tensors.conversion import Array

if TYPE_CHECKING:
    from lading.functions.inference.drift.tally import Answered, Span, Tally

MOST_IN_GROUP: Final = 1000
MOST_BYTES: Final = 4 << 20
"""Bytes that a group may keep in memory."""
MOST_IN_PERIOD: Final = 2000
MOST_BYTES_IN_PERIOD: Final = 32 << 20
"""Requests and bytes that are counted in a period before half of the others are left out."""

_TEXTS: Final = np.dtype(np.object_)
_TEXT_WEIGHT: Final = 16
"""A byte of a text counts so often: to read an image's file takes that much longer."""


class Group:
    """What has been gathered of one version since its last line.

    Args:
        predictor: the version, which has a baseline.
        step: one request of so many is gathered.
    """

    def __init__(self, predictor: Predictor, step: int = 1) -> None:
        self.predictor, self.step = predictor, step
        self.since_ms = int(time() * 1000)
        self.requests = self.counted = self.weight = 0
        self.held: list[Answered] = []
        self.size, self.left = 0, 1 if step == 1 else _skip(step)
        self._room = [MOST_IN_PERIOD, MOST_BYTES_IN_PERIOD]
        self.tally: Tally | None = None

    def count(self) -> None:
        """Count what is held; this thread does no other work meanwhile."""
        if self.tally is None:
            from lading.functions.inference.drift.tally import Tally

            self.tally = Tally(self.predictor)
        self.tally.count(self.held)
        self.counted += len(self.held)
        self.weight += self.size
        self._room = [self._room[0] - len(self.held), self._room[1] - self.size]
        self.held, self.size = [], 0
        if min(self._room) <= 0:
            self.step *= 2
            self._room = [MOST_IN_PERIOD, MOST_BYTES_IN_PERIOD]

    def span(self) -> "Span":
        """Return what the line says of the requests."""
        from lading.functions.inference.drift.tally import Span

        return Span(self.since_ms, int(time() * 1000), self.requests, self.counted)

    def next_step(self) -> int:
        """Return the step with which a period like this one is counted within its limits."""
        weight_of_all = self.weight * self.requests // max(1, self.counted)
        return max(1, self.requests // MOST_IN_PERIOD, weight_of_all // MOST_BYTES_IN_PERIOD)


class Gathering:
    """The groups of one process.

    Args:
        stage: the deployment's stage, which the lines name; empty for none.
        period_s: seconds between the lines of a version.
    """

    def __init__(self, stage: str = "", period_s: float = 60.0) -> None:
        self._stage, self._period_s = stage, period_s
        self._groups: dict[Predictor, Group] = {}
        self._due = perf_counter() + period_s

    def note(self, answered: "Answered", now: float) -> Sequence[str]:
        """Take a prediction, and return the lines that are due; usually none.

        Args:
            answered: the prediction; its arrays do not change any more.
            now: the time, as `perf_counter` tells it.
        """
        predictor = answered[0].predictor
        group = self._groups.get(predictor)
        if group is None:
            group = self._groups[predictor] = Group(predictor)
        group.requests += 1
        group.left -= 1
        if not group.left:
            self._take(group, answered)
        return () if now < self._due else self.lines()

    def lines(self) -> list[str]:
        """Return a line for each version that had requests since its last one."""
        self._due = perf_counter() + self._period_s
        return [*self._end_all()]

    def _take(self, group: Group, answered: "Answered") -> None:
        group.held.append(answered)
        group.size += _size(answered)
        if len(group.held) >= MOST_IN_GROUP or group.size >= MOST_BYTES:
            group.count()
        group.left = 1 if group.step == 1 else _skip(group.step)

    def _end_all(self) -> Iterator[str]:
        ended, self._groups = self._groups, {}
        for predictor, group in ended.items():
            if group.requests:
                group.count()
                assert group.tally is not None, "it has counted"
                yield group.tally.line(group.span(), self._stage)
                following = Group(predictor, group.next_step())
                following.tally = group.tally
                self._groups[predictor] = following


def _skip(step: int) -> int:
    """Return after how many requests the next one is taken: `step` on average, at random.

    So it does not matter if callers take turns.
    """
    from random import randint

    return randint(1, 2 * step - 1)  # noqa: S311 nothing secret


def _size(answered: "Answered") -> int:
    """Return how many bytes stay in memory with these arrays, texts with their weight."""
    asked, outputs = answered
    size = 0
    for array in asked.inputs.values():
        if array.dtype is _TEXTS:
            size += _weight(array)
        else:
            base = array.base
            size += array.nbytes if base is None else _kept(array, base)
    for array in outputs.values():
        size += _weight(array) if array.dtype is _TEXTS else array.nbytes
    return size


def _weight(texts: Array) -> int:
    return _TEXT_WEIGHT * sum(map(len, texts.ravel().tolist()))


def _kept(view: Array, base: object) -> int:
    """Return how many bytes a view keeps in memory: those of a request's body, for instance."""
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    if isinstance(base, np.ndarray | memoryview):
        return base.nbytes
    return len(base) if isinstance(base, bytes | bytearray) else view.nbytes
