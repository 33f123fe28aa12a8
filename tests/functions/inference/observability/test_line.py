"""A line made from its route's template is byte for byte the one of its own document."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.functions.contract.errors import EndpointUnready, MalformedRequest
from lading.functions.inference.observability import line
from lading.functions.inference.observability.line import Exchange, Surroundings, write_line
from lading.functions.inference.wire.messages import Observation

hostile = st.one_of(
    st.sampled_from(["", "m", 'a"b\\', "%s%%(x)d", '"Latency":[0.0]', '"timestamp":""', "é\n\x1b"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
seconds = st.floats(0, 1e6)
exchanges = st.builds(
    Exchange,
    st.sampled_from(["GET", "POST", "PROPFIND", "X" * 40]),
    st.one_of(hostile.map("/predict/{}".format), st.just("/" + "z" * 300)),
    st.sampled_from([200, 202, 404, 503]),
    hostile,
)
surroundings = st.builds(
    Surroundings, hostile, st.booleans(), st.sampled_from([(), ("lading-m", "7"), ("%r", '"')])
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """Requests of any end: with or without a prediction, an error, a first part."""
    seen = Observation(0.0, draw(hostile), draw(hostile), draw(st.sampled_from([None, 1, 20])))
    if draw(st.booleans()):
        seen.compute_started, seen.compute_ended = draw(seconds), draw(seconds)
    if draw(st.booleans()):
        seen.first_part = draw(seconds)
    errors = [MalformedRequest("no"), EndpointUnready("m", 1, "cold", "it starts", 60)]
    seen.error = draw(st.sampled_from([None, None, None, *errors]))
    seen.broken = draw(st.sampled_from([False, False, False, True]))
    seen.answered_by = draw(st.sampled_from(["", "", "twin"]))
    seen.ended = draw(seconds)
    return seen


@given(exchanges, observations(), surroundings, st.integers(0, 4_000_000_000_000))
def test_a_line_of_the_template_is_that_of_the_document(
    exchange: Exchange, seen: Observation, around: Surroundings, now: int
) -> None:
    written = orjson.dumps(line.document(exchange, seen, around, now)).decode()
    for _ in range(2):  # the first makes the template, the second finds it
        assert write_line(exchange, seen, around, now) == written


@given(st.integers(0, 4_000_000_000_000))
def test_the_time_is_written_as_the_standard_library_writes_it(now: int) -> None:
    found = line.document(Exchange("", "", 200, ""), Observation(), Surroundings(), now)
    moment = datetime.fromtimestamp(now // 1000, UTC).replace(microsecond=now % 1000 * 1000)
    assert found["timestamp"] == moment.isoformat(timespec="milliseconds")


@pytest.fixture
def documents(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The documents that are built from now on."""
    built: list[Any] = []
    made = line.document

    def counted(*arguments: Any) -> dict[str, Any]:
        built.append(arguments)
        return made(*arguments)

    monkeypatch.setattr(line, "document", counted)
    return built


def test_requests_that_differ_in_times_and_ids_share_one_document(documents: list[Any]) -> None:
    for number in range(5):
        seen = Observation(number, "plain", "shared", 1, number + 0.1, number + 0.2, ended=9.0)
        exchange = Exchange("POST", "/predict", 200, f"id {number}")
        write_line(exchange, seen, Surroundings(), number)
    assert len(documents) == 1


def test_a_path_too_long_to_keep_is_not_kept(documents: list[Any]) -> None:
    exchange = Exchange("GET", "/" * 4000, 404, "")
    for _ in range(3):
        write_line(exchange, Observation(ended=9.0), Surroundings(), 0)
    assert len(documents) == 3
