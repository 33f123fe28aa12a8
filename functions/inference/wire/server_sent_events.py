"""Server-sent events, read from parts that may end anywhere.

SageMaker forwards a stream in parts that do not follow the events. Each event of an OpenAI stream
is one line, `data: {...}` or `data: [DONE]`; some engines write only the object.
"""

from collections.abc import Iterable, Iterator

DONE = b"[DONE]"

_DATA = b"data:"
_LONGEST_LINE = 1 << 20


def read_events(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data of each event as soon as its line is complete.

    Raises:
        ValueError: a line exceeds the limit.
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
    """Return one event with this data."""
    return b"data: %b\n\n" % data


def _data(line: bytes) -> bytes:
    """Return the data of a line; empty for comments, blank lines and other fields."""
    line = line.strip()
    if line.startswith(_DATA):
        return line[len(_DATA) :].strip()
    return line if line.startswith(b"{") else b""
