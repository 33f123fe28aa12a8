"""Several processes that share one port and the models: `LADING_WORKERS`, for a container.

The parent loads and verifies the models, opens the port, and forks. So the workers serve the very
bytes that were verified, and the system keeps one copy of the weights for all of them (copy on
write). A model has one thread in each worker, since no thread survives a fork. The parent then only
waits: it forks again for a worker that a signal ended (a crash, no memory), passes SIGTERM and
SIGINT on, and ends with the workers. A connection waits in the one queue of the port for whichever
worker accepts it, so none is lost with a worker. The workers talk to each other in `peers.py`.
"""

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from time import monotonic, sleep
from types import FrameType
from typing import Any, Final, NamedTuple

from lading.functions.inference.entry.peer_health import (
    QUESTION,
    Heartbeat,
    PeerHealth,
    own_failure,
)
from lading.functions.inference.entry.peers import Peers
from lading.functions.inference.entry.shared_control import SharedControl, SharedTurn
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.observability.families import Registry, Snapshot

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_Handlers = dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None]
_SHORT_LIFE, _PAUSE = 1.0, 1.0
"""Seconds: a worker that a signal ends sooner is started again after a pause."""


class Team:
    """This worker and the others; see `peers.py`. Create it before they are forked.

    Args:
        catalog: the models, which every worker has.
        control: the control of this worker's models.
        count: how many workers there are.
    """

    def __init__(self, catalog: Catalog, control: ModelControl, count: int) -> None:
        self._peers = Peers(count)
        self._control = SharedControl(control, self._peers, SharedTurn())
        self._count, self._catalog = count, catalog
        self.number = 0
        catalog.attach(self._control)

    def fork(self) -> None:
        """Return in each worker, whose number is then known; see `fork_workers`."""
        self.number = fork_workers(self._count)

    def numbers(self) -> list[Snapshot]:
        """Return the metrics of the other workers.

        Raises:
            PeerSilent: one does not answer.
        """
        return self._peers.ask("numbers")

    def begin(self, registry: Registry, heartbeat: Heartbeat) -> None:
        """Answer the others, and have the models that they have.

        Args:
            registry: the metrics of this worker.
            heartbeat: of its event loop.

        Raises:
            InferenceError, PeerSilent: this worker cannot have them.
        """
        told = {
            "numbers": lambda _: registry.snapshot(),
            QUESTION: lambda _: own_failure(self._catalog, heartbeat),
        }
        self._peers.answer(self.number, {**self._control.answers(), **told})
        self._catalog.others = PeerHealth(self._peers).failure
        self._control.catch_up()


class WorkerExit(NamedTuple):
    """The end of a worker: its number, its process, the wait status, and the seconds it lived."""

    number: int
    process: int
    status: int
    lived: float

    def crashed(self) -> bool:
        """Return whether a signal ended it, not the worker itself."""
        return os.WIFSIGNALED(self.status)


def fork_workers(count: int) -> int:
    """Fork `count` workers, and return in each of them with its number, from 0 on.

    The parent never returns: it exits with 0 after SIGTERM or SIGINT, or with the status of a
    worker that ended with an error of its own, after the others have ended. Call this before any
    thread is started whose work a worker needs.
    """
    gc.collect()
    gc.freeze()  # a collection would write to, and so copy, the pages of what is shared
    return _Parent(count).run()


class _Parent:
    def __init__(self, count: int) -> None:
        self._count = count
        self._workers: dict[int, tuple[int, float]] = {}
        self._ending = False
        self._status = 0
        self._alive, self._open = os.pipe()
        """The writing end closes with the parent, which a worker notices by reading."""

    def run(self) -> int:
        before = {number: signal.signal(number, self._pass_on) for number in _SIGNALS}
        for number in range(self._count):
            if self._fork(number):
                return self._begin(number, before)
        while self._workers:
            ended = self._wait()
            if self._replaces(ended) and self._fork(ended.number):
                return self._begin(ended.number, before)
        sys.exit(self._status)

    def _fork(self, number: int) -> bool:
        """Fork one worker, unless the end has begun; return whether this is it."""
        # A signal between the fork and the note of its process would not reach the new worker.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        process = None if self._ending else os.fork()
        if process == 0:
            return True
        if process:
            self._workers[process] = number, monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        return False

    def _begin(self, number: int, handlers: _Handlers) -> int:
        """Be a worker: with the signals' own handlers, and no longer than the parent lives."""
        for each, handler in handlers.items():
            signal.signal(each, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(self._open)
        Thread(target=_follow, args=(self._alive,), name="parent", daemon=True).start()
        return number

    def _wait(self) -> WorkerExit:
        process, status = os.waitpid(-1, 0)
        number, started = self._workers.pop(process)
        return WorkerExit(number, process, status, monotonic() - started)

    def _replaces(self, ended: WorkerExit) -> bool:
        """Return whether a new worker takes the place of this one."""
        if self._ending:
            return False
        if not ended.crashed():
            self._status = os.waitstatus_to_exitcode(ended.status)
            self._end(signal.SIGTERM)
            return False
        name = signal.Signals(os.WTERMSIG(ended.status)).name
        logging.getLogger(__name__).warning(
            "worker %d was ended by %s and is started again", ended.number, name
        )
        if ended.lived < _SHORT_LIFE:
            sleep(_PAUSE)
        return not self._ending  # it may have been told to end meanwhile

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._end(number)

    def _end(self, number: int) -> None:
        self._ending = True
        for process in self._workers:
            with suppress(ProcessLookupError):
                os.kill(process, number)


def _follow(alive: int) -> None:
    """End this worker in good order when its parent is gone."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
