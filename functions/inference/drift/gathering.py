"""Gathers predictions, and hands them over in groups; a request costs a copy of its numbers.

A group is of one version: up to 100 requests, or 4 MiB, whichever comes first. `tally.py`, which
is imported for the first group, counts it. In a minute with more requests one of several is
gathered, at random; the line says how many there were. A hundred in a minute are thousands in the
window that is judged, and counting more of them would cost more than the answer to a small request
may.
"""

from collections.abc import Iterator
from time import perf_counter, time
from typing import TYPE_CHECKING, Final

from lading.functions.inference.drift.held import Held
from lading.functions.inference.models.predictor import Predictor

if TYPE_CHECKING:
    from lading.functions.inference.drift.tally import Answered, Span, Tally

MOST_BYTES: Final = 4 << 20
"""Bytes that a group may keep in memory."""
MOST_IN_PERIOD: Final = 100
MOST_BYTES_IN_PERIOD: Final = 16 << 20
"""Requests and bytes that are counted in a period before half of the others are left out."""


class Group:
    """What has been gathered of one version since its last line.

    Args:
        predictor: the version, which has a baseline.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.since_ms = int(time() * 1000)
        self.counted = self.weight = 0
        self.inputs, self.outputs = Held(), Held()
        self.held = self.size = 0
        self._room = [MOST_IN_PERIOD, MOST_BYTES_IN_PERIOD]
        self.tally: Tally | None = None

    def take(self, answered: "Answered") -> None:
        """Take a prediction; count the group if it is full."""
        asked, outputs = answered
        self.held += 1
        self.size += self.inputs.add(asked.inputs) + self.outputs.add(outputs)
        if self.held >= self._room[0] or self.size >= MOST_BYTES:
            self.count()

    def count(self) -> None:
        """Count what is held; this thread does no other work meanwhile."""
        if self.tally is None:
            from lading.functions.inference.drift.tally import Tally

            self.tally = Tally(self.predictor)
        self.tally.count(self.inputs, self.outputs)
        self.counted += self.held
        self.weight += self.size
        self._room = [self._room[0] - self.held, self._room[1] - self.size]
        self.inputs, self.outputs = Held(), Held()
        self.held = self.size = 0
        if min(self._room) <= 0:
            self.predictor.noted_of *= 2
            self._room = [MOST_IN_PERIOD, MOST_BYTES_IN_PERIOD]

    @property
    def requests(self) -> int:
        """How many requests there were, those included that are not taken."""
        return max(self.predictor.predictions, self.counted + self.held)

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
        self.due = perf_counter() + period_s
        """When the next lines are due, as `perf_counter` tells the time."""

    def note(self, answered: "Answered") -> None:
        """Take a prediction, of which `note_answer` says that it is to be counted.

        Args:
            answered: the prediction; its arrays do not change any more.
        """
        predictor = answered[0].predictor
        group = self._groups.get(predictor)
        if group is None:
            group = self._groups[predictor] = Group(predictor)
        group.take(answered)

    def lines(self) -> list[str]:
        """Return a line for each version that had requests since its last one."""
        self.due = perf_counter() + self._period_s
        return [*self._end_all()]

    def _end_all(self) -> Iterator[str]:
        ended, self._groups = self._groups, {}
        for predictor, group in ended.items():
            step = 1
            if group.requests:
                group.count()
                assert group.tally is not None, "it has counted"
                yield group.tally.line(group.span(), self._stage)
                step = group.next_step()
                following = self._groups[predictor] = Group(predictor)
                following.tally = group.tally
            predictor.predictions, predictor.next_noted, predictor.noted_of = 0, 0, step
