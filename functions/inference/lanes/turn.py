"""One piece of work in the queue: an operation, what it waits for, and the future of its result."""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

from lading.functions.contract.errors import CallerGone, DeadlinePassed
from lading.functions.inference.lanes.deadline import Deadline, after_microseconds
from lading.functions.inference.lanes.joining import Outcome
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation

T = TypeVar("T")


class Turn(Future[T]):
    """The future of an operation that waits for its turn.

    Once a thread has taken it, its request is decoded; until the model runs it can still leave.

    Args:
        operation: decodes a request, yields what to predict, receives the arrays, and returns the
            result. An error is raised where it yields.
        observation: the record of the request.
        size: bytes of the request's body.
        deadline: after which it is not started.
        withdraw: takes it out of the queue; False if it is not there.
    """

    def __init__(
        self,
        operation: Generator[Prediction, dict[str, Array], T],
        observation: Observation,
        size: int,
        deadline: Deadline,
        withdraw: "Callable[[Turn[Any]], bool]",
    ) -> None:
        super().__init__()
        self.operation, self.observation = operation, observation
        self.size, self.deadline, self.arrived = size, deadline, monotonic()
        self.prediction: Prediction | None = None
        self.lane, self.queued, self.since = "", False, 0.0  # kept by `Admission`
        self._withdraw, self._unwanted = withdraw, False

    def cancel(self) -> bool:
        """Leave the queue, since the caller is gone; a prediction under way runs to its end."""
        self._unwanted = True
        if super().cancel():
            return True
        if not self._withdraw(self):
            return False
        self.refuse(CallerGone("the model was free"))
        return True

    def decode(self) -> bool:
        """Run the operation up to its prediction; return whether there is one."""
        if self.prediction is None and self.set_running_or_notify_cancel():
            with self:
                self.prediction = asked = next(self.operation)
                stated = after_microseconds(self.arrived, asked.timeout_us)
                self.deadline = self.deadline.earlier(stated)
        return self.prediction is not None

    def give(self, outcome: Outcome) -> None:
        """Pass the operation what its prediction gave, and settle the future with its result."""
        self.prediction = None
        with self:
            if isinstance(outcome, Exception):
                self.operation.throw(outcome)
            else:
                self.operation.send(outcome)
            raise RuntimeError("an operation must predict once")

    def refusal(self) -> CallerGone | DeadlinePassed | None:
        """Return why the model should not be asked any more; None if it should."""
        if self._unwanted:
            return CallerGone("the model was free")
        if self.deadline.passed():
            return DeadlinePassed(self.lane, monotonic() - self.arrived)
        return None

    def refuse(self, error: Exception) -> None:
        """End it with an error: inside the operation if that has begun."""
        if self.prediction is not None:
            self.give(error)
        elif self.set_running_or_notify_cancel():
            self.operation.close()
            self.set_exception(error)

    def __enter__(self) -> Self:
        """Settle the future with what ends the operation in this block."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, StopIteration):
            self.set_result(error.value)
        elif error is not None:
            self.set_exception(error)
        return error is not None
