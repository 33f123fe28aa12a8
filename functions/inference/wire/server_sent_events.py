"""Server-sent events, put together again from parts that end anywhere.

SageMaker passes a stream on in parts that know nothing of events. Each event of an OpenAI stream is
one line, `data: {...}` or `data: [DONE]`; some engines write the bare object on a line instead.
"""

from collections.abc import Iterable, Iterator

DONE = b"[DONE]"

_DATA = b"data:"
_LONGEST_LINE = 1 << 20


def read_events(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each event, as soon as its line is complete.

    Raises:
        ValueError: a line is too long to be an event.
    """
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ValueError(f"an event is longer than {_LONGEST_LINE} bytes")
        yield from filter(None, map(_data, lines))
    if data := _data(rest):
        yield data


def write_event(data: bytes) -> bytes:
    """One event."""
    return b"data: %b\n\n" % data


def _data(line: bytes) -> bytes:
    """The data on a line; empty for comments, blank lines and other fields."""
    line = line.strip()
    if line.startswith(_DATA):
        return line[len(_DATA) :].strip()
    return line if line.startswith(b"{") else b""
