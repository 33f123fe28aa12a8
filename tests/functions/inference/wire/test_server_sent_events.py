"""Events come out whole, wherever the parts that carry them end."""

import pytest

from lading.functions.inference.wire.server_sent_events import read_events, write_event

STREAM = b'data: {"a": 1}\n\n: ping\n\nevent: x\r\ndata:{"b": "\xc3\xb6"}\r\n\r\ndata: [DONE]\n\n'
EVENTS = [b'{"a": 1}', b'{"b": "\xc3\xb6"}', b"[DONE]"]


@pytest.mark.parametrize("size", range(1, len(STREAM) + 1))
def test_events_do_not_depend_on_where_parts_end(size: int) -> None:
    parts = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert list(read_events(parts)) == EVENTS


def test_an_event_is_given_as_soon_as_its_line_ends() -> None:
    def parts() -> object:
        yield b"data: 1\nda"
        raise AssertionError("asked for more")

    assert next(read_events(parts())) == b"1"  # type: ignore[arg-type]


def test_bare_objects_and_a_last_line_without_an_end_are_events_too() -> None:
    assert list(read_events([b'{"a": 1}\n{"b"', b": 2}"])) == [b'{"a": 1}', b'{"b": 2}']


def test_what_is_no_event_is_left_out() -> None:
    assert list(read_events([b"", b"\n\n", b"retry: 5\n", b"hello\n", b"data:\n"])) == []


def test_a_line_without_end_is_not_kept() -> None:
    with pytest.raises(ValueError, match="longer than 1048576 bytes"):
        list(read_events([b"data: "] + [b"x" * 65536] * 17))


def test_what_is_written_is_read() -> None:
    assert list(read_events([write_event(b'{"a": 1}'), write_event(b"[DONE]")])) == [
        b'{"a": 1}',
        b"[DONE]",
    ]
