"""Admission: who may wait for which model, who is next, and who must come back later.

Nothing here runs a model or starts a thread: each method takes one lock for a moment. Only `next`
may wait, for requests that could share a run, where the model asks for that. Requests wait in the
order in which they came, a lane for each model. Limits on callers would be checked in `enter`,
before those on the queue.
"""

from collections import deque
from collections.abc import Iterable
from math import ceil
from threading import Condition, Lock
from time import monotonic
from typing import Any, Final, NamedTuple

from lading.functions.contract.errors import Overloaded
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.lanes.pace import Paces
from lading.functions.inference.lanes.turn import Turn
from lading.functions.inference.models.predictor import Batching, Predictor

UNNAMED: Final = ""
"""The lane of work whose model is not known before its request is decoded."""

_LONGEST_RETRY_S: Final = 60
_WEIGHT: Final = 0.2
"""The weight of the newest run in the mean time of a run."""


class Noted(NamedTuple):
    """A run that ended.

    Args:
        requests: how many shared it.
        seconds: how long it took.
        decode_s: how long their requests were decoded before, in seconds.
    """

    requests: int
    seconds: float
    decode_s: float = 0.0


class LaneState(NamedTuple):
    """What one lane holds at a moment, and what it has done since the start.

    Args:
        model: the model's name; empty for work whose model is not known yet.
        waiting: requests that wait.
        held_bytes: bytes of the bodies of all its requests without an answer.
        running: runs under way.
        oldest_wait_s: how long the first one has waited, in seconds; 0 if none waits.
        waited_s: how long they have waited, together.
        admitted: requests admitted.
        refused: requests refused because a limit was reached.
        expired: requests whose deadline passed before they were started.
        abandoned: requests whose caller left before they were started.
        runs: runs that ended.
        joined: requests that shared a run of the model with others.
    """

    model: str
    waiting: int = 0
    held_bytes: int = 0
    running: int = 0
    oldest_wait_s: float = 0.0
    waited_s: float = 0.0
    admitted: int = 0
    refused: int = 0
    expired: int = 0
    abandoned: int = 0
    runs: int = 0
    joined: int = 0


class Lane:
    """The queue of one model; only `Admission` changes it.

    Args:
        model: the model's name.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.waiting: deque[Turn[Any]] = deque()
        self.batching = Batching(1)
        """How many requests one run may take; more than one once the model allows it."""
        self.held = self.running = 0
        self.admitted = self.refused = self.expired = self.abandoned = self.runs = self.joined = 0
        self.mean_s, self.paces = 0.0, Paces()

    def gathers(self) -> float:
        """Return how many seconds a thread should still wait for more requests."""
        most, wait_s = self.batching
        if not wait_s or not 0 < len(self.waiting) < most:
            return 0.0
        until = min(
            turn.arrived + min(wait_s, (turn.deadline.at - turn.arrived) / 2)
            for turn in self.waiting
        )
        return until - monotonic()

    def state(self) -> LaneState:
        """Return what it holds, and what it has done."""
        now = monotonic()
        waits = [now - turn.arrived for turn in self.waiting]
        return LaneState(
            self.model,
            len(self.waiting),
            self.held,
            self.running,
            max(waits, default=0.0),
            sum(waits),
            self.admitted,
            self.refused,
            self.expired,
            self.abandoned,
            self.runs,
            self.joined,
        )


class Admission:
    """The lanes, within their limits.

    Args:
        limits: of each lane and of all.
    """

    def __init__(self, limits: LaneLimits) -> None:
        self._limits, self._threads = limits, limits.threads_of_a_lane()
        self._lock = Lock()
        self._came = Condition(self._lock)
        self._lanes: dict[str, Lane] = {}
        self._waiting = self._held = 0

    def enter(self, turn: Turn[Any], model: str, *, bounded: bool = True) -> bool:
        """Let work wait in a lane; return whether a thread should come to serve that lane.

        Args:
            turn: the work.
            model: the lane.
            bounded: False for the rest of work that has been admitted already.

        Raises:
            Overloaded: a limit is reached; nothing has changed.
        """
        with self._lock:
            return self._enter(turn, self._lane(model), bounded=bounded)

    def next(self, model: str) -> list[Turn[Any]]:
        """Return what a thread of a lane runs next; if nothing waits, the thread is done.

        For a model that asks for it, this waits until the run is full, the first request has waited
        as long as it may, or half of a request's time is over.
        """
        with self._lock:
            lane = self._lane(model)
            while (left := lane.gathers()) > 0:
                self._came.wait(left)
            count = min(lane.batching.most_rows, len(lane.waiting))
            self._waiting -= count
            lane.running -= not count
            turns = [lane.waiting.popleft() for _ in range(count)]
            now = monotonic()
            for turn in turns:
                turn.queued = False
                turn.observation.queued = (turn.observation.queued or 0.0) + now - turn.since
            return turns

    def withdraw(self, turn: Turn[Any]) -> bool:
        """Take work out of the queue whose caller is gone; return False if it is not there."""
        with self._lock:
            return self._withdrawn(turn)

    def release(self, turn: Turn[Any]) -> None:
        """Give up the place and the bytes of work that has ended or was cancelled."""
        with self._lock:
            self._withdrawn(turn)
            self._hold(self._lane(turn.lane), -turn.size)

    def move(self, turn: Turn[Any], model: str) -> bool:
        """Let decoded work wait in the lane of its model; see `enter`."""
        with self._lock:
            before = self._lane(turn.lane)
            self._hold(before, -turn.size)
            try:
                return self._enter(turn, self._lane(model), bounded=True)
            except Overloaded:
                self._hold(before, turn.size)
                raise

    def begin(self, predictor: Predictor, size: int, *, alone: bool = False) -> bool:
        """Begin a run in the caller's thread, without a place in the queue.

        False if the model is not quick, or others wait or run. Otherwise `end` must follow. If its
        caller is the only one, a model may take longer, unless another model runs.
        """
        with self._lock:
            lane = self._lane(predictor.metadata.name)
            if lane.waiting or lane.running >= self._threads:
                return False
            if not lane.paces.quick(predictor) and not (
                alone and lane.paces.quick(predictor, alone=True) and self._idle()
            ):
                return False
            if lane.batching.longest_wait_s:
                return False  # it is to share a run with what comes later
            if self._full(lane, size):
                return False
            lane.running += 1
            self._hold(lane, size)
            return True

    def end(self, predictor: Predictor, size: int, runs: Iterable[Noted]) -> bool:
        """End what `begin` began; return whether a thread should come to serve the lane.

        Args:
            predictor: the model.
            size: bytes of the bodies of all requests, as at the begin.
            runs: what ran.
        """
        with self._lock:
            lane = self._lane(predictor.metadata.name)
            lane.running -= 1
            self._hold(lane, -size)
            for run in runs:
                lane.admitted += run.requests
                self._note(lane, predictor, run)
            return bool(lane.waiting) and self._started(lane)

    def note_run(self, predictor: Predictor, run: Noted) -> None:
        """Record a run."""
        with self._lock:
            self._note(self._lane(predictor.metadata.name), predictor, run)

    def note_expired(self, model: str) -> None:
        """Record that a deadline passed."""
        with self._lock:
            self._lane(model).expired += 1

    def allow(self, model: str, batching: Batching) -> None:
        """Let requests of a lane be joined so."""
        most = min(batching.most_rows, self._limits.most_rows)
        self._lane(model).batching = batching._replace(most_rows=most)

    def receive(self, size: int) -> Overloaded | None:
        """Count bytes of bodies that are not complete; see `callers.budget.Budget`."""
        with self._lock:
            most = self._limits.most_bytes_in_all
            if self._held and self._held + size > most:
                return Overloaded("", f"all requests hold {self._held} bytes of {most}")
            self._held += size
            return None

    def forget(self, size: int) -> None:
        """Count no longer what `receive` counted."""
        with self._lock:
            self._held -= size

    def states(self) -> tuple[LaneState, ...]:
        """Return the state of each lane, sorted by model."""
        with self._lock:
            return tuple(lane.state() for _, lane in sorted(self._lanes.items()))

    def _lane(self, model: str) -> Lane:
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = Lane(model)
        return lane

    def _enter(self, turn: Turn[Any], lane: Lane, *, bounded: bool) -> bool:
        if bounded and (held := self._full(lane, turn.size)):
            lane.refused += 1
            raise Overloaded(lane.model, held, self._retry_after(lane))
        turn.lane, turn.queued, turn.since = lane.model, True, monotonic()
        lane.waiting.append(turn)
        lane.admitted += 1
        self._waiting += 1
        self._hold(lane, turn.size)
        if lane.batching.longest_wait_s:
            self._came.notify_all()
        return self._started(lane)

    def _idle(self) -> bool:
        return not any(lane.running for lane in self._lanes.values())

    def _hold(self, lane: Lane, size: int) -> None:
        lane.held += size
        self._held += size

    def _started(self, lane: Lane) -> bool:
        start = lane.running < self._threads
        lane.running += start
        return start

    def _withdrawn(self, turn: Turn[Any]) -> bool:
        if not turn.queued:
            return False
        lane = self._lane(turn.lane)
        lane.waiting.remove(turn)
        lane.abandoned += 1
        turn.queued = False
        self._came.notify_all()
        self._waiting -= 1
        return True

    def _full(self, lane: Lane, size: int) -> str:
        """Return which limit another request would exceed; empty if none.

        Bytes are no reason to refuse a request while nothing else is held: it could never be
        answered.
        """
        limits = self._limits
        if len(lane.waiting) >= limits.most_waiting:
            return f"{limits.most_waiting} requests wait for it"
        if self._waiting >= limits.most_waiting_in_all:
            return f"{limits.most_waiting_in_all} requests wait for all models"
        if lane.held and lane.held + size > limits.most_bytes:
            return f"its requests hold {lane.held} bytes of {limits.most_bytes}"
        if self._held and self._held + size > limits.most_bytes_in_all:
            return f"all requests hold {self._held} bytes of {limits.most_bytes_in_all}"
        return ""

    def _retry_after(self, lane: Lane) -> int:
        """Return the seconds until what waits now will have been answered, at least 1."""
        seconds = len(lane.waiting) * lane.mean_s / self._threads
        return min(max(1, ceil(seconds)), _LONGEST_RETRY_S)

    @staticmethod
    def _note(lane: Lane, predictor: Predictor, run: Noted) -> None:
        lane.runs += 1
        lane.joined += run.requests if run.requests > 1 else 0
        lane.paces.note(predictor, run.seconds)
        each = (run.decode_s + run.seconds) / run.requests
        lane.mean_s = each if lane.runs == 1 else lane.mean_s + _WEIGHT * (each - lane.mean_s)
