"""What the worker processes of a container tell each other: numbers, and changes of the models.

Each worker listens on a Unix socket, which the parent opens before it forks, so that it outlives a
worker: what is sent to a worker that has ended waits for the one that takes its place. A message is
a JSON document in a line. Linux's abstract addresses need no folder; only processes of the same
user are answered, and these could read this one's memory anyway.
"""

import json
import os
import secrets
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any, Final, Self

Answers = Mapping[str, Callable[[Any], Any]]
"""Kind of a question -> the function that returns the answer to one of that kind."""

PATIENCE: Final = 5.0
"""Seconds for an answer from memory, and for a worker to be started again before it."""

_CREDENTIALS: Final = struct.Struct("3i")


class PeerSilent(Exception):
    """A worker has not answered."""

    def __init__(self, number: int, reason: object) -> None:
        super().__init__(f"worker {number} does not answer: {reason}")


class Peers:
    """The worker processes of a container; create it before they are forked.

    Args:
        count: how many workers there are.
    """

    def __init__(self, count: int) -> None:
        self._listeners = [socket.socket(socket.AF_UNIX) for _ in range(count)]
        for number, listener in enumerate(self._listeners):
            listener.bind(f"\0lading-{secrets.token_hex(16)}-{number}")
            listener.listen()
        self.number = 0
        """The number of this process."""

    def answer(self, number: int, answers: Answers) -> None:
        """Answer the other workers' questions from now on, each in a thread, as this worker."""
        self.number = number
        Thread(target=self._accept, args=(answers,), name="peers", daemon=True).start()

    def ask(self, kind: str, content: Any = None) -> list[Any]:
        """Return what every other worker answers from its memory.

        Raises:
            PeerSilent: one does not answer in time.
        """
        with self.talk(PATIENCE) as others:
            return ask_all(others, kind, content)

    @contextmanager
    def talk(self, patience: float) -> Iterator[list["PeerConnection"]]:
        """Connect to every other worker, for several questions.

        Raises:
            PeerSilent: one cannot be reached.
        """
        with ExitStack() as opened:
            yield [
                opened.enter_context(PeerConnection(number, listener.getsockname(), patience))
                for number, listener in enumerate(self._listeners)
                if number != self.number
            ]

    def _accept(self, answers: Answers) -> None:
        while True:
            connection, _ = self._listeners[self.number].accept()
            Thread(target=_converse, args=(connection, answers), daemon=True).start()


class PeerConnection:
    """A connection to another worker, for one question after another.

    Args:
        number: the number of the worker.
        address: its address.
        patience: seconds to wait for an answer.

    Raises:
        PeerSilent: it cannot be reached.
    """

    def __init__(self, number: int, address: bytes | str, patience: float) -> None:
        self.number = number
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(patience)
        try:
            self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise PeerSilent(number, error) from error
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def send(self, kind: str, content: Any) -> None:
        """Send a question.

        Raises:
            PeerSilent: the worker has ended.
        """
        try:
            _write(self._socket, [kind, content])
        except OSError as error:
            raise PeerSilent(self.number, error) from error

    def receive(self) -> Any:
        """Return the answer to the question that was sent.

        Raises:
            PeerSilent: there is none in time, or the worker has ended.
        """
        try:
            line = self._answers.readline()
        except OSError as error:
            raise PeerSilent(self.number, error) from error
        if not line:
            raise PeerSilent(self.number, "it has ended")
        return json.loads(line)


def ask_all(others: Sequence[PeerConnection], kind: str, content: Any = None) -> list[Any]:
    """Return each worker's answer to a question, on which they work at the same time.

    Raises:
        PeerSilent: one has ended, or does not answer in time.
    """
    for other in others:
        other.send(kind, content)
    return [other.receive() for other in others]


def _converse(connection: socket.socket, answers: Answers) -> None:
    """Answer the questions of one connection until its end."""
    with connection, connection.makefile("rb") as questions:
        if not _is_own(connection):
            return
        try:
            while line := questions.readline():
                kind, content = json.loads(line)
                _write(connection, answers[kind](content))
        except OSError:  # the other worker has ended
            return


def _write(connection: socket.socket, document: Any) -> None:
    connection.sendall(json.dumps(document).encode() + b"\n")


def _is_own(connection: socket.socket) -> bool:
    """Return whether the process at the other end has the user of this one."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(found)
    return bool(user == os.getuid())
