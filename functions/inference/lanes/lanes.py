"""The queue of a server, and the threads that predict: a lane for each model.

A thread serves one lane at a time, and a lane has as many threads as there are processors. So a
model whose runs take long holds up its own callers only. While all threads of a lane are busy,
requests gather; a thread that becomes free takes as many as the model may answer in one run.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from threading import get_ident
from time import perf_counter
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from lading.functions.contract.errors import DeadlinePassed, Overloaded
from lading.functions.inference.lanes.admission import UNNAMED, Admission, LaneState, Noted
from lading.functions.inference.lanes.deadline import NEVER, Deadline
from lading.functions.inference.lanes.joining import Asked, Outcome, predict_together
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.lanes.shares import Shares
from lading.functions.inference.lanes.turn import Turn
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import Batching, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation

T = TypeVar("T")
P = ParamSpec("P")

MOST_DECODED_BYTES: Final = 64 << 20
"""Bytes of bodies, without their compression, after which a thread decodes no more before a run."""
_MOST_THREADS = 1024
"""Threads of all lanes; they are started when needed."""

Operation = Generator[Prediction, dict[str, Array], T]


class Lanes:
    """The lanes of one server; `close` ends their threads.

    Args:
        limits: what may wait.
        clock: tells the time in seconds.
    """

    def __init__(self, limits: LaneLimits, clock: Callable[[], float] = perf_counter) -> None:
        self._limits, self._admission, self._clock = limits, Admission(limits), clock
        self._threads = ThreadPoolExecutor(_MOST_THREADS, "prediction")
        self.shares = Shares(limits.most_of_a_caller)
        self._busy: dict[int, tuple[str, float]] = {}
        """The thread of each run under way -> its lane, and when it began."""

    def __enter__(self) -> Self:
        """Return the lanes, which are closed after the block."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wait for what has been admitted, and end the threads."""
        self._threads.shutdown()

    def submit(
        self,
        operation: Operation[T],
        observation: Observation,
        model: str = UNNAMED,
        *,
        size: int = 0,
        deadline: Deadline = NEVER,
    ) -> Turn[T]:
        """Let an operation wait for its turn, in which a thread decodes, predicts and encodes.

        Args:
            operation: see `Turn`.
            observation: the record of the request; the times of the prediction are noted in it.
            model: the name of a served model; `UNNAMED` if that is not known yet. The operation
                then moves to its model's lane before the model runs.
            size: bytes of the request's body.
            deadline: after which it is not started.

        Raises:
            Overloaded: too much waits already.
        """
        return self._submit(Turn(operation, observation, size, deadline, self._withdraw), model)

    def decode(
        self,
        operation: Operation[T],
        observation: Observation,
        *,
        size: int = 0,
        deadline: Deadline = NEVER,
    ) -> Turn[T]:
        """Decode in the caller's thread; `predict_decoded` goes on, unless the turn is done then.

        The arguments are those of `submit`.
        """
        turn = Turn(operation, observation, size, deadline, self._withdraw)
        if turn.decode():
            self._wanted(turn)
        return turn

    def predict_decoded(self, turns: Sequence[Turn[Any]]) -> None:
        """Run quick models that are free in the caller's thread; let others wait in their lanes.

        Afterwards a turn may be done. If too much waits already, its operation gets the error.
        """
        by_model: dict[Predictor, list[Turn[Any]]] = {}
        for turn in turns:
            assert turn.prediction is not None
            by_model.setdefault(turn.prediction.predictor, []).append(turn)
        for model, ready in by_model.items():
            found = self.predict_here(model, _asked(ready), sum(turn.size for turn in ready))
            for place, turn in enumerate(ready):
                if found is None:
                    self._enter(turn, model.metadata.name)
                else:
                    turn.give(found[place])

    def proceed(self, work: Callable[[], T], model: str = UNNAMED) -> Turn[T]:
        """Run the rest of a request that has been admitted already in a lane, without limits."""
        turn = Turn(_calling(work), Observation(), 0, NEVER, self._withdraw)
        return self._submit(turn, model, bounded=False)

    def executor(self, model: str = UNNAMED) -> Executor:
        """Return the threads of a lane, for the rest of requests that it has admitted already."""
        return _Threads(self, model)

    def predict_here(
        self, predictor: Predictor, asked: Sequence[Asked], size: int = 0, *, alone: bool = False
    ) -> Mapping[int, Outcome] | None:
        """Run a quick model in the caller's thread; return the outcome of each place.

        None if it did not run: others wait or run, or its runs take long; then submit the requests.

        Args:
            predictor: the model.
            asked: what is wanted of it.
            size: bytes of the bodies of all these requests.
            alone: whether this thread has no other caller: then the model may take longer.
        """
        if not self._admission.begin(predictor, size, alone=alone):
            return None
        outcomes: dict[int, Outcome] = {}
        runs: list[Noted] = []
        try:
            for ran in predict_together(asked, self._limits.most_rows, self._clock):
                outcomes.update(zip(ran.places, ran.outcomes, strict=True))
                runs.append(Noted(len(ran.places), ran.seconds))
        finally:
            if self._admission.end(predictor, size, runs):
                self._threads.submit(self._serve, predictor.metadata.name)
        return outcomes

    def receive(self, size: int) -> Overloaded | None:
        """Count bytes of bodies that are not complete, among those that all requests may hold."""
        return self._admission.receive(size)

    def forget(self, size: int) -> None:
        """Count no longer what `receive` counted."""
        self._admission.forget(size)

    def waiting(self) -> dict[str, int]:
        """Return how many requests wait for each model that has any."""
        return {lane.model: lane.waiting for lane in self.states() if lane.waiting}

    def states(self) -> tuple[LaneState, ...]:
        """Return what each lane holds and has done, sorted by model."""
        return self._admission.states()

    def oldest_run(self, model: str) -> float:
        """Return how many seconds ago the oldest run of a lane began; 0 if none is under way."""
        begun = [since for lane, since in tuple(self._busy.values()) if lane == model]
        return self._clock() - min(begun) if begun else 0.0

    def _submit(self, turn: Turn[T], model: str, *, bounded: bool = True) -> Turn[T]:
        start = self._admission.enter(turn, model, bounded=bounded)
        turn.add_done_callback(self._release)
        if start:
            self._threads.submit(self._serve, model)
        return turn

    def _release(self, turn: Future[Any]) -> None:
        assert isinstance(turn, Turn)
        self._admission.release(turn)

    def _withdraw(self, turn: Turn[Any]) -> bool:
        return self._admission.withdraw(turn)

    def _serve(self, model: str) -> None:
        """Run what waits in a lane, until nothing does."""
        while turns := self._admission.next(model):
            self._busy[get_ident()] = model, self._clock()
            self._run(model, turns)
            del self._busy[get_ident()]

    def _run(self, model: str, turns: Iterable[Turn[Any]]) -> None:
        """Decode the requests, run the model for all that still want it, and encode the answers.

        Few run at a time if they are large: a compressed body was counted as it came.
        """
        left = deque(turns)
        while left:
            self._run_some(model, left)

    def _run_some(self, model: str, left: deque[Turn[Any]]) -> None:
        """Do so for the first requests, which are taken away."""
        started = self._clock()
        decoded: list[Turn[Any]] = []
        held = 0
        while left and held < MOST_DECODED_BYTES:
            turn = left.popleft()
            if self._wanted(turn) and turn.decode():
                decoded.append(turn)
                held += max(turn.size, turn.observation.unpacked)
        ready = [turn for turn in decoded if self._stays(turn, model) and self._wanted(turn)]
        decode_s = self._clock() - started
        asked = _asked(ready)
        for ran in predict_together(asked, self._limits.most_rows, self._clock):
            predictor = asked[ran.places[0]].prediction.predictor
            for place, outcome in zip(ran.places, ran.outcomes, strict=True):
                ready[place].give(outcome)
            requests = len(ran.places)
            share = decode_s * requests / len(ready)
            self._admission.note_run(predictor, Noted(requests, ran.seconds, share))
            self._admission.allow(predictor.metadata.name, predictor.batching or Batching(1))

    def _wanted(self, turn: Turn[Any]) -> bool:
        """Return whether a turn should go on; if not, it ends here."""
        refusal = turn.refusal()
        if refusal is None:
            return True
        if isinstance(refusal, DeadlinePassed):
            self._admission.note_expired(turn.lane)
        turn.refuse(refusal)
        return False

    def _stays(self, turn: Turn[Any], model: str) -> bool:
        """Return whether a decoded turn is in its model's lane; if not, it moves there."""
        assert turn.prediction is not None
        meant = turn.prediction.predictor.metadata.name
        if meant == model:
            return True
        try:
            if self._admission.move(turn, meant):
                self._threads.submit(self._serve, meant)
        except Overloaded as error:
            turn.refuse(error)
        return False

    def _enter(self, turn: Turn[T], model: str) -> None:
        """Let decoded work wait; its operation learns if it cannot."""
        try:
            self._submit(turn, model)
        except Overloaded as error:
            turn.refuse(error)


class _Threads(Executor):
    """The threads of a lane as an executor, without limits."""

    def __init__(self, lanes: Lanes, model: str) -> None:
        self._lanes, self._model = lanes, model

    def submit(self, work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> Future[T]:
        """Run `work` in one of the threads."""
        return self._lanes.proceed(partial(work, *args, **named), self._model)


def _asked(decoded: Iterable[Turn[Any]]) -> list[Asked]:
    return [Asked(turn.prediction, turn.observation) for turn in decoded if turn.prediction]


def _calling(work: Callable[[], T]) -> Operation[T]:
    yield from ()
    return work()
