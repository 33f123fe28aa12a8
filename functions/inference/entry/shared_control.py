"""The control of the models of several workers: a change reaches every worker, or none.

The worker that a caller has asked makes the change, one at a time among all workers. It has every
worker read the model first, and serve it only when all of them could. Each worker keeps the changes
since the start: one that was started again begins with the models of the start, and makes them too.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, NamedTuple

from lading.functions.contract.errors import InferenceError, ModelUnavailable
from lading.functions.inference.entry.peers import (
    Answers,
    PeerConnection,
    Peers,
    PeerSilent,
    ask_all,
)
from lading.functions.inference.loading.catalog import CatalogModel
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.models.statistics import Statistics

_LOADING: Final = 600.0
"""Seconds that another worker may take to read a model."""


class Change(NamedTuple):
    """One change: its place in the order of all, what is done, and to which model.

    `detail` is the folder of a model to load, the version to unload (None: all), or the default.
    """

    serial: int
    kind: str
    name: str
    detail: Any = None


class SharedTurn:
    """A lock among the workers, which the system releases when a worker ends; fork after this."""

    def __init__(self) -> None:
        self._file, self._own = os.memfd_create("turn"), Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the lock, once no other thread of any worker has it."""
        with self._own:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


class SharedControl:
    """The control of this worker's models and of those of all others; see `catalog.Control`.

    Args:
        own: the control of this worker.
        peers: the other workers.
        turn: the lock that all workers have.
    """

    def __init__(self, own: ModelControl, peers: Peers, turn: SharedTurn) -> None:
        self._own, self._peers, self._turn = own, peers, turn
        self.explicit, self.multi_model = own.explicit, own.multi_model
        self._read: tuple[str, str, CatalogModel] | None = None
        """A model that all workers may serve next, its name and its folder."""
        self._changes: list[Change] = []
        self._serial = 0
        own.statistics.others = lambda name, version: peers.ask("tally", [name, version])

    @property
    def statistics(self) -> Statistics:
        """See `Control.statistics`; it adds up those of all workers."""
        return self._own.statistics

    def places(self) -> Mapping[str, str]:
        """See `Control.places`."""
        return self._own.places()

    def available(self) -> Mapping[str, Sequence[int]]:
        """See `Control.available`."""
        return self._own.available()

    def load(self, name: str, place: str = "") -> CatalogModel:
        """See `Control.load`.

        Raises:
            InferenceError: this worker or another cannot load it; none of them serves it.
        """
        with self._own.turn.taken("loading", name) as claim:
            model = self._own.read(name, place)  # which may never end, so nobody waits for it
            with self._turn.taken(), self._talk(model) as others:
                refusals = [text for text in ask_all(others, "read", [name, place]) if text]
                if refusals:
                    ask_all(others, "forget")
                    raise ModelUnavailable(name, max(model.versions), refusals[0])
                with self._own.turn.kept(claim):
                    self._read = name, place, model
                self._make(Change(self._serial + 1, "load", name, place), others)
            return model

    def unload(self, name: str, version: int | None = None) -> None:
        """See `Control.unload`."""
        with self._own.turn.taken("unloading", name):
            self._change("unload", name, version)

    def set_default(self, name: str, version: int) -> None:
        """See `Control.set_default`."""
        with self._own.turn.taken("changing", name):
            self._change("default", name, version)

    def _change(self, kind: str, name: str, detail: Any) -> None:
        with self._turn.taken(), self._peers.talk(_LOADING) as others:
            self._make(Change(self._serial + 1, kind, name, detail), others)

    @contextmanager
    def _talk(self, model: CatalogModel) -> Iterator[list[PeerConnection]]:
        try:
            with self._peers.talk(_LOADING) as others:
                yield others
        except PeerSilent as silent:
            raise ModelUnavailable(model.name, max(model.versions), str(silent)) from silent

    def _make(self, change: Change, others: Sequence[PeerConnection]) -> None:
        """Make a change here, which raises what is wrong with it, then in the other workers."""
        self._apply(change)
        for other in others:
            try:
                ask_all([other], "follow", [change])
            except PeerSilent:  # the one that takes its place asks for the changes
                continue

    def _apply(self, change: Change) -> None:
        match change.kind:
            case "load":
                self._own.serve(self._take(change.name, change.detail), change.detail)
            case "unload":
                self._own.drop(change.name, change.detail)
            case _:
                self._own.make_default(change.name, change.detail)
        if change.kind == "load":  # what was done to this model before no longer matters
            self._changes = [each for each in self._changes if each.name != change.name]
        self._changes.append(change)
        self._serial = change.serial

    def _take(self, name: str, place: str) -> CatalogModel:
        """Return the model that was read for this change; read it if this worker came later."""
        read, self._read = self._read, None
        if read is not None and read[:2] == (name, place):
            return read[2]
        return self._own.read(name, place)

    def answers(self) -> Answers:
        """Return what this worker answers to the others."""
        return {
            "read": self._try_to_read,
            "forget": lambda _: self._forget(),
            "follow": self._follow,
            "changes": lambda _: self._changes,
            "tally": lambda version: self._own.statistics.own(*version),
        }

    def catch_up(self) -> None:
        """Make the changes that the others have made before this worker was started.

        Raises:
            InferenceError: one of them can no longer be made.
            PeerSilent: another worker does not answer.
        """
        with self._turn.taken():
            every: list[list[Any]] = self._peers.ask("changes")
            newest = max(every, key=lambda changes: changes[-1][0] if changes else 0)
            self._follow(newest)
            # A worker that ended in the middle of a change has told some of the others only.
            self._peers.ask("follow", newest)

    def _follow(self, changes: Sequence[Sequence[Any]]) -> None:
        for change in map(Change._make, changes):
            if change.serial > self._serial:
                self._apply(change)

    def _try_to_read(self, content: Sequence[str]) -> str:
        name, place = content
        try:
            self._read = name, place, self._own.read(name, place)
        except InferenceError as error:
            return str(error)
        return ""

    def _forget(self) -> None:
        self._read = None
