"""Events passed on while they are made, and what ends a stream that breaks."""

from collections.abc import Generator, Iterator

import pytest

from lading.functions.contract.errors import InferenceError, TimedOut
from lading.functions.inference.wire.event_stream import stream_events
from lading.functions.inference.wire.messages import Observation


def word(error: InferenceError) -> bytes:
    return type(error).__name__.encode()


def parts(closed: list[bool]) -> Generator[bytes, None, None]:
    try:
        yield from (b"a", b"b")
    finally:
        closed.append(True)


def test_parts_are_passed_on_and_the_engine_is_closed_behind_them() -> None:
    closed: list[bool] = []
    seen = Observation()
    answer = stream_events(parts(closed), lambda given: map(bytes.upper, given), word, seen)
    assert list(answer.parts) == [b"A", b"B"]
    assert (answer.status, closed, seen.broken) == (200, [True], False)
    assert seen.compute_ended is not None


def test_a_reader_who_goes_away_stops_the_engine() -> None:
    closed: list[bool] = []
    answer = stream_events(parts(closed), lambda given: given, word, Observation())
    assert next(answer.parts) == b"a"
    answer.parts.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("error", "told"),
    [(TimedOut("m", 1, 2.0), b"TimedOut"), (ZeroDivisionError(), b"InternalFailure")],
)
def test_what_breaks_it_is_the_last_event(error: Exception, told: bytes) -> None:
    def read(given: Iterator[bytes]) -> Iterator[bytes]:
        yield next(given)
        raise error

    seen = Observation()
    answer = stream_events(parts([]), read, word, seen)
    assert list(answer.parts) == [b"a", b"data: %b\n\n" % told]
    assert seen.broken
    assert type(seen.error).__name__.encode() == told
    assert getattr(seen.error, "kind", "TimedOut") == type(error).__name__


def test_what_fails_before_the_first_part_is_raised_at_once() -> None:
    def fail() -> bytes:
        raise TimedOut("m", 1, 2.0)

    with pytest.raises(TimedOut):
        stream_events((fail() for _ in "a"), lambda given: given, word, Observation())
