"""AWS's event stream encoding: a sequence of messages with headers and two checksums.

    total length (4) | headers length (4) | CRC-32 of these 8 | headers | payload | CRC-32 of all

A header consists of the length of its name in one byte, the name, the byte 7 for text, the length
of the text in two bytes, and the text.
Format: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
"""

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_TEXT = 7
_PRELUDE_BYTES, _CHECKSUM_BYTES = 12, 4


def event(kind: str, payload: bytes) -> bytes:
    """Return one message of a stream, such as `PayloadPart`."""
    return _message(
        {
            ":message-type": "event",
            ":event-type": kind,
            ":content-type": "application/octet-stream",
        },
        payload,
    )


def exception(kind: str, fields: Mapping[str, str]) -> bytes:
    """Return the error that ends a stream, such as `ModelStreamError`."""
    return _message(
        {
            ":message-type": "exception",
            ":exception-type": kind,
            ":content-type": "application/json",
        },
        json.dumps(fields).encode(),
    )


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(_header(name.encode(), text.encode()) for name, text in headers.items())
    total = _PRELUDE_BYTES + len(head) + len(payload) + _CHECKSUM_BYTES
    lengths = struct.pack(">II", total, len(head))
    message = b"".join([lengths, _checksum(lengths), head, payload])
    return message + _checksum(message)


def _header(name: bytes, text: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", _TEXT, len(text)) + text


def _checksum(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))
