"""Calls over gRPC that are opened and never get their request, on one connection without a client.

HTTP/2's frames: https://www.rfc-editor.org/rfc/rfc9113#section-4; headers are written as literals.
"""

import socket
import struct
from collections.abc import Sequence
from typing import Final

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _SETTINGS = 1, 4
_END_STREAM, _END_HEADERS = 1, 4


def open_calls(connection: socket.socket, paths: Sequence[str]) -> None:
    """Open a call of each of these methods."""
    sent = [_PREFACE, _frame(_SETTINGS, 0, 0, b"")]
    for number, path in enumerate(paths):
        head = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "x",
            "content-type": "application/grpc",
            "te": "trailers",
        }
        block = b"".join(b"\0" + _text(name) + _text(value) for name, value in head.items())
        sent.append(_frame(_HEADERS, _END_HEADERS, 2 * number + 1, block))
    connection.sendall(b"".join(sent))


def await_ends(connection: socket.socket, count: int) -> None:
    """Return once the server has ended so many calls."""
    ended: set[int] = set()
    with connection.makefile("rb") as frames:
        while len(ended) < count:
            high, low, _, flags, stream = struct.unpack(">BHBBI", frames.read(9))
            frames.read(high << 16 | low)
            if stream and flags & _END_STREAM:
                ended.add(stream)


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    high, low = divmod(len(content), 1 << 16)
    return struct.pack(">BHBBI", high, low, kind, flags, stream) + content
