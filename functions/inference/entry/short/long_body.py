"""A long body, read from the socket into its place.

uvicorn's protocol gets objects of bytes, from which the parser copies the parts of a body, which
are then joined: four copies of each byte. So the connection has another protocol until a long body
is complete. It lets the socket write into the body itself, and never reads beyond it.
"""

from asyncio import BufferedProtocol
from collections.abc import Callable, Sequence
from typing import Final

from lading.functions.inference.entry.http_protocol import BoundedProtocol

Part = bytes | bytearray | memoryview

ROOM: Final = 64 * 1024 * 1024
"""Bytes of all bodies that are read so at the same time; others are read in parts.

Their memory is taken when they are announced, and so must not wait for callers that are slow.
"""

_ALIGNED: Final = 16
"""What the addresses of Python's memory are a multiple of."""


class BodyRoom:
    """The memory for the long bodies that are read at the same time."""

    def __init__(self) -> None:
        self.left = ROOM
        """Bytes that are still free."""

    def take(self, size: int) -> bool:
        """Take memory for a body, if there is still so much."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def give_back(self, size: int) -> None:
        """Give back what `take` took."""
        self.left += size


class LongBody(BufferedProtocol):
    """The protocol of a connection while it receives a long body.

    Args:
        connection: the protocol of its requests.
        size: bytes of the body.
        before: bytes of the body that precede what is to be aligned in memory.
        first: what has been received.
        ended: called with the body when it is complete, and with None when the caller is gone.
    """

    def __init__(
        self,
        connection: BoundedProtocol,
        size: int,
        before: int,
        first: Sequence[Part],
        ended: Callable[[bytearray | None], None],
    ) -> None:
        self._connection, self._size, self._ended = connection, size, ended
        skipped = -before % _ALIGNED
        self._content = bytearray(size + skipped)
        del self._content[:skipped]  # moves the begin, and not the content
        self._view, self._filled = memoryview(self._content), 0
        for part in first:
            self._view[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
        connection.transport.set_protocol(self)

    def get_buffer(self, _hint: int) -> memoryview:
        """Return where the rest of the body belongs."""
        return self._view[self._filled :]

    def buffer_updated(self, count: int) -> None:
        """Take note of more bytes; give the connection back once the body is complete."""
        self._filled += count
        self._connection.received += count
        if self._filled < self._size:
            self._connection.count_body(count)
        else:
            content = self._content
            self._leave()
            self._ended(content)

    def give_up(self) -> None:
        """Give the connection back before the body is complete, which nobody waits for now."""
        self._leave()
        self._ended(None)

    def _leave(self) -> None:
        self._view.release()
        self._content = bytearray()  # uvloop keeps this object until the connection's next one
        self._connection.transport.set_protocol(self._connection)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`; the transport closes the connection."""
        self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the connection's own protocol that the caller is gone."""
        self._ended(None)
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell the connection's own protocol."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Tell the connection's own protocol."""
        self._connection.resume_writing()
