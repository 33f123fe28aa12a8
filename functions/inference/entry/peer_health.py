"""The health of the worker processes of a container, each of which tells that of all.

A worker that does not answer the others, or whose event loop stands still, is wedged: connections
may wait for it that another worker could have accepted. The others then say that the server is not
ready. They ask each other at most every ten seconds, in a thread, and repeat what they know.
"""

from collections.abc import Callable
from threading import Lock, Thread
from time import monotonic
from typing import Final

from lading.functions.inference.entry.peers import Peers, PeerSilent
from lading.functions.inference.loading.catalog import Catalog

EVERY_S: Final = 10.0
"""Seconds between two questions to the other workers."""

QUESTION: Final = "health"


class Heartbeat:
    """The event loop of a server, which beats while it runs.

    Args:
        longest_s: seconds without a beat after which it counts as one that stands still.
        now: returns the time in seconds.
    """

    def __init__(self, longest_s: float, now: Callable[[], float] = monotonic) -> None:
        self._longest_s, self._now = longest_s, now
        self._last = now()

    def beat(self) -> None:
        """Note that the loop runs."""
        self._last = self._now()

    def failure(self) -> str:
        """Return since when the loop stands still; empty if it runs."""
        since = self._now() - self._last
        return (
            f"its event loop has stood still for {since:.0f} s" if since > self._longest_s else ""
        )


class PeerHealth:
    """The health of the other workers, as this one knows it.

    Args:
        peers: the other workers.
        now: returns the time in seconds.
    """

    def __init__(self, peers: Peers, now: Callable[[], float] = monotonic) -> None:
        self._peers, self._now = peers, now
        self._lock, self._asked, self._reason = Lock(), now(), ""

    def failure(self) -> str:
        """Return why another worker cannot answer, from memory; empty if all can."""
        with self._lock:
            if self._now() - self._asked >= EVERY_S:
                self._asked = self._now()
                Thread(target=self.ask, name="health of workers", daemon=True).start()
        return self._reason

    def ask(self) -> None:
        """Ask the other workers now."""
        try:
            self._reason = next(filter(None, self._peers.ask(QUESTION)), "")
        except PeerSilent as silent:
            self._reason = str(silent)


def own_failure(catalog: Catalog, heartbeat: Heartbeat) -> str:
    """Return why this worker cannot answer, for the others; empty if it can."""
    for model in catalog.models():
        for version in model.versions:
            if reason := model.failure(version):
                return f"model '{model.name}' version {version}: {reason}"
    return heartbeat.failure()
