"""The raw tensors of a message, as views of its bytes; and messages around raw tensors.

A protobuf parser copies each `bytes` field. For a tensor of megabytes that costs more than all else
about its request. So the fields of a message are found here by their tags
(https://protobuf.dev/programming-guides/encoding), and only the rest of it goes to the parser.
"""

from collections.abc import Iterable, Iterator
from typing import Final

WORTHWHILE: Final = 4096
"""Bytes of a message from which copies cost more than looking for its fields."""

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED: Final = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
_MORE, _BITS = 0x80, 7

Part = bytes | memoryview


def split(content: bytes, field: int) -> tuple[bytes, list[memoryview]]:
    """Return a message without a field of bytes, and the values of that field as views.

    A message that cannot be read comes back as it is, for the parser to refuse.
    """
    view, rest, found, kept = memoryview(content), [], list[memoryview](), 0
    try:
        for number, start, value, end in _fields(content):
            if number == field:
                rest.append(view[kept:start])
                found.append(view[value:end])
                kept = end
    except ValueError:
        return content, []
    return (b"".join([*rest, view[kept:]]), found) if found else (content, [])


def delimited(field: int, content: Part) -> tuple[bytes, Part]:
    """Return a field of bytes in two parts, so that nothing is copied: its head and its content."""
    return _varint(field << 3 | _DELIMITED) + _varint(len(content)), content


def nested(field: int, parts: Iterable[Part]) -> list[Part]:
    """Return a field whose message has these parts."""
    inside = list(parts)
    return [_varint(field << 3 | _DELIMITED) + _varint(sum(map(len, inside))), *inside]


def _fields(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield for each field its number, where it starts, where its value starts, where it ends.

    The number is 0 for a field that is not delimited, such as a number.

    Raises:
        ValueError: this is not a message.
    """
    at, end = 0, len(content)
    while at < end:
        start = at
        tag, at = _read_varint(content, at)
        kind = tag & 7
        if kind == _VARINT:
            _, after = _read_varint(content, at)
        elif kind == _DELIMITED:
            length, at = _read_varint(content, at)
            after = at + length
        elif kind in _FIXED:
            after = at + _FIXED[kind]
        else:
            raise ValueError(f"wire type {kind}")
        if after > end:
            raise ValueError("a field exceeds the message")
        yield (tag >> 3 if kind == _DELIMITED else 0), start, at, after
        at = after


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(content[at : at + _LONGEST_VARINT]):
        value |= (byte & (_MORE - 1)) << (_BITS * place)
        if byte < _MORE:
            return value, at + place + 1
    raise ValueError("a number that does not end")


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= _MORE:
        parts.append(value & (_MORE - 1) | _MORE)
        value >>= _BITS
    parts.append(value)
    return bytes(parts)
