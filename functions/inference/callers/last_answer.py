"""The end of a connection whose caller may still be sending.

A socket that is closed while bytes wait to be read resets the connection, and the caller may lose
the answer (RFC 9112, 9.6). So only the sending side is closed; what comes is read and dropped until
the caller closes its side, or a moment has passed.
"""

from asyncio import AbstractEventLoop, Transport
from typing import Final

MOMENT_S: Final = 2.0

_SAME: Final = (
    *("write", "abort", "get_write_buffer_size", "set_protocol"),
    *("pause_reading", "resume_reading"),
)


class LastAnswer:
    """A transport for the last answer of a connection.

    Args:
        transport: the transport of the connection.
        loop: its event loop.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._ended = False
        for name in _SAME:
            setattr(self, name, getattr(transport, name))

    def is_closing(self) -> bool:
        """Return whether nothing more is written."""
        return self._ended or self._transport.is_closing()

    def close(self) -> None:
        """End the answer now, and the connection soon."""
        if self.is_closing():
            return
        self._ended = True
        self._transport.write_eof()
        self._loop.call_later(MOMENT_S, self._transport.close)
