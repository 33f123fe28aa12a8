"""Threads for work that may never end, such as loading a model: nothing waits for them.

They are none of those that predict. They end with the process, so that such work does not stop a
shutdown either.
"""

from collections.abc import Callable, Generator
from threading import BoundedSemaphore, Thread
from typing import Any, Final, TypeVar

from lading.functions.contract.errors import Overloaded
from lading.functions.inference.lanes.deadline import NEVER
from lading.functions.inference.lanes.turn import Turn
from lading.functions.inference.wire.messages import Observation

T = TypeVar("T")

MOST: Final = 16
"""Threads of this kind in a process; one works, and the others wait for it or say so."""

_places = BoundedSemaphore(MOST)


def run_apart(work: Callable[[], T]) -> Turn[T]:
    """Return the future of work that a thread of its own does.

    Raises:
        Overloaded: too much of it is under way.
    """
    return begin_apart(_calling(work), Observation())


def begin_apart(operation: Generator[Any, Any, T], observation: Observation) -> Turn[T]:
    """Return the same of an operation that predicts nothing; see `Turn`."""
    if not _places.acquire(blocking=False):
        raise Overloaded("", f"{MOST} requests to load or unload models are under way")
    turn = Turn(operation, observation, 0, NEVER, lambda _: False)
    turn.add_done_callback(lambda _: _places.release())
    Thread(target=turn.decode, name="model control", daemon=True).start()
    return turn


def _calling(work: Callable[[], T]) -> Generator[Any, Any, T]:
    yield from ()
    return work()
