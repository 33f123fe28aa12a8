"""A connection keeps the limits on callers, on the short way as through the application."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from uvicorn.server import ServerState

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.callers.callers import Callers
from lading.functions.inference.callers.limits import LONGEST_HEAD, CallerLimits
from lading.functions.inference.entry.http_protocol import BoundedProtocol
from lading.functions.inference.entry.http_server import configuration
from lading.functions.inference.entry.short.long_body import LongBody
from lading.functions.inference.entry.short.way import ShortWay
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from tests.support.worlds import settings_for, times

LIMITS = CallerLimits(
    longest_body=1000, head_s=10, body_s=20, slowest=10, most_connections=3, spare_descriptors=1
)
MOST_BYTES = 400
START = b"POST /predict HTTP/1.1\r\nhost: x\r\n"
WHOLE = START + b'content-length: 17\r\n\r\n{"inputs": [[3]]}'


class Wire(asyncio.Transport):
    """A transport that keeps what was written, and leaves so many bytes of it untaken."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = asyncio.Event()
        self.written, self.closed, self.ended, self.untaken = b"", asyncio.Event(), False, 0

    def write(self, data: Any) -> None:
        self.written += bytes(data)
        self.answered.set()

    def write_eof(self) -> None:
        self.ended = True
        self.closed.set()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def close(self) -> None:
        self.closed.set()

    def abort(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set() and not self.ended

    def get_write_buffer_size(self) -> int:
        return self.untaken

    def pause_reading(self) -> None:
        """Do nothing: the test sends what it wants to."""

    def resume_reading(self) -> None:
        """Do nothing; see `pause_reading`."""

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    @property
    def status(self) -> int:
        return int(self.written.split()[1])

    @property
    def document(self) -> Any:
        return json.loads(self.written.partition(b"\r\n\r\n")[2])


class World:
    """A server without a network, and its connections."""

    def __init__(
        self, settings: ServingSettings, lanes: Lanes, *, short: bool, limits: CallerLimits = LIMITS
    ) -> None:
        catalog, observed = load_catalog(settings), Observability(settings)
        self.lanes, self.callers, self.short = lanes, Callers(limits, lanes), None
        app = create_app(catalog, longest_body=limits.longest_body, lanes=lanes)
        if short:
            self.short = ShortWay(catalog, observed, lanes, limits.longest_body)
            app = self.short.learning(app)
        self._config = configuration(
            observed.served(app), keep_alive_s=60, grace_s=1, short=self.short, callers=self.callers
        )
        self._config.load()
        self._state = ServerState()

    def connect(self) -> tuple[BoundedProtocol, Wire]:
        protocol = self._config.http_protocol_class(self._config, self._state, {})  # type: ignore[call-arg]
        assert isinstance(protocol, BoundedProtocol)
        wire = Wire()
        protocol.connection_made(wire)
        return protocol, wire

    async def learned(self) -> None:
        """Answer a request, after which the short way knows the route."""
        protocol, wire = self.connect()
        protocol.data_received(WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        await wire.closed.wait()
        assert wire.status == 200
        protocol.connection_lost(None)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    return settings_for(tmp_path_factory.mktemp("models"), {"m": {1: times(2)}})


Try = Callable[[World], Awaitable[None]]
Tried = Callable[[Try], None]


@pytest.fixture(params=[True, False], ids=["short way", "application"])
def tried(request: pytest.FixtureRequest, settings: ServingSettings) -> Iterator[Tried]:
    """Runs a test in an event loop, with a server that has answered once."""
    with Lanes(LaneLimits(threads=1, most_bytes_in_all=MOST_BYTES)) as lanes:

        async def run(work: Try) -> None:
            world = World(settings, lanes, short=request.param)
            await world.learned()
            await work(world)

        yield lambda work: asyncio.run(asyncio.wait_for(run(work), 60))


def test_a_head_that_does_not_come_is_ended_and_logged_once(
    tried: Tried, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(world: World) -> None:
        opened = [world.connect() for _ in range(3)]
        for protocol, _ in opened:
            protocol.data_received(b"POST /predict HTTP/1.1\r\nhost")
            protocol.look(100.0)
            protocol.data_received(b":")  # a byte now and then is no progress
            protocol.look(110.0)
        assert not any(wire.written for _, wire in opened)
        for protocol, _ in opened:
            protocol.look(110.1)
        assert [wire.status for _, wire in opened] == [408] * 3
        assert all(wire.closed.is_set() for _, wire in opened)

    caplog.set_level(logging.WARNING)
    tried(work)
    (line,) = [each for each in caplog.messages if each.startswith("limit reached")]
    assert "LADING_HEAD_SECONDS" in line


def test_a_silent_connection_is_closed(tried: Tried) -> None:
    async def work(world: World) -> None:
        protocol, wire = world.connect()
        protocol.look(100.0)
        protocol.look(110.1)
        assert (wire.written, wire.closed.is_set()) == (b"", True)

    tried(work)


def test_a_connection_that_has_been_answered_waits_for_its_next_request(tried: Tried) -> None:
    async def work(world: World) -> None:
        protocol, wire = world.connect()
        protocol.data_received(WHOLE)
        await wire.answered.wait()
        for now in (100.0, 1000.0):
            protocol.look(now)
        assert not wire.closed.is_set()

    tried(work)


def test_a_slow_body_is_refused_in_its_dialect_and_one_at_the_lowest_rate_is_not(
    tried: Tried,
) -> None:
    async def work(world: World) -> None:
        (slow, refused), (steady, kept) = world.connect(), world.connect()
        for protocol in (slow, steady):
            protocol.data_received(START + b"content-length: 500\r\n\r\n ")
            protocol.look(100.0)
        steady.data_received(b" " * 50)  # five seconds more
        for protocol in (slow, steady):
            protocol.look(121.0)
        await refused.closed.wait()
        assert refused.status == 408
        assert "is not complete after 21 s" in refused.document["error"]
        assert not kept.written
        steady.look(126.0)
        await kept.closed.wait()
        assert kept.status == 408
        slow.data_received(b" " * 499)  # too late: it is dropped
        assert refused.written.count(b"HTTP/1.1") == 1

    tried(work)


def test_a_body_that_is_announced_too_long_is_refused_before_it_is_sent(tried: Tried) -> None:
    async def work(world: World) -> None:
        protocol, wire = world.connect()
        protocol.data_received(START + b"content-length: 1001\r\nexpect: 100-continue\r\n\r\n")
        await wire.closed.wait()
        assert (wire.status, wire.ended) == (413, True)
        assert "1000 bytes" in wire.document["error"]
        assert b"connection: close" in wire.written

    tried(work)


def test_bytes_count_when_they_are_received_and_not_when_they_are_announced(tried: Tried) -> None:
    async def work(world: World) -> None:
        (first, kept), (second, refused) = world.connect(), world.connect()
        for protocol in (first, second):
            protocol.data_received(START + b"content-length: 900\r\n\r\n")
        for protocol in (first, second):
            protocol.data_received(b" " * 200)
        await refused.closed.wait()
        assert refused.status == 503
        assert b"retry-after: 1" in refused.written
        assert not kept.written
        first.connection_lost(None)
        assert world.lanes.receive(MOST_BYTES) is None, "all is given back"
        assert world.lanes.receive(1) is not None
        world.lanes.forget(MOST_BYTES)

    tried(work)


def test_connections_beyond_their_number_are_refused_until_one_is_closed(
    tried: Tried, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(world: World) -> None:
        opened = [world.connect() for _ in range(5)]
        assert [wire.closed.is_set() for _, wire in opened] == [False] * 3 + [True] * 2
        assert opened[3][1].status == 503
        for protocol, _ in opened[2:]:
            protocol.connection_lost(None)
        assert not world.connect()[1].closed.is_set()

    tried(work)
    assert len([each for each in caplog.messages if "LADING_MOST_CONNECTIONS" in each]) == 1


def test_a_server_that_stops_ends_a_connection_with_its_next_answer(tried: Tried) -> None:
    async def work(world: World) -> None:
        (idle, silent), (busy, answered) = world.connect(), world.connect()
        world.callers.drain()
        assert not silent.closed.is_set()
        busy.data_received(WHOLE[:-1])
        for protocol in (idle, busy):
            protocol.shutdown()
        assert silent.closed.is_set()
        assert not answered.closed.is_set()
        busy.data_received(WHOLE[-1:])
        await answered.closed.wait()
        assert (answered.status, answered.document["outputs"]) == (200, {"y": [[6]]})
        assert b"connection: close" in answered.written

    tried(work)


def test_at_the_end_of_the_grace_a_body_under_way_is_refused(tried: Tried) -> None:
    async def work(world: World) -> None:
        protocol, wire = world.connect()
        protocol.data_received(WHOLE[:-1])
        protocol.abandon()
        await wire.closed.wait()
        assert (wire.status, wire.document["error"].partition(";")[0]) == (
            503,
            "the server is stopping",
        )

    tried(work)


def test_who_does_not_take_an_answer_is_left(tried: Tried) -> None:
    async def work(world: World) -> None:
        protocol, wire = world.connect()
        wire.untaken = 1000
        protocol.look(100.0)
        wire.untaken = 900
        protocol.look(110.0)  # ten bytes a second, which is enough
        assert not wire.closed.is_set()
        wire.untaken = 890
        protocol.look(130.1)
        assert wire.closed.is_set()

    tried(work)


def test_a_head_that_is_too_long_is_not_parsed(tried: Tried) -> None:
    async def work(world: World) -> None:
        protocol, wire = world.connect()
        protocol.data_received(START + b"x: " + b"a" * LONGEST_HEAD)
        assert not protocol.headers
        assert (wire.status, wire.closed.is_set()) == (400, True)

    tried(work)


def test_a_long_body_past_the_parser_keeps_the_limits_too(settings: ServingSettings) -> None:
    size, part = 300_000, 80_000

    async def work(lanes: Lanes) -> None:
        world = World(settings, lanes, short=True, limits=CallerLimits())
        await world.learned()
        (slow, late), (second, full) = world.connect(), world.connect()
        for protocol, wire in ((slow, late), (second, full)):
            protocol.data_received(START + b"content-length: %d\r\n\r\n" % size + b" " * part)
            assert isinstance(wire.protocol, LongBody)
        second_body = full.protocol
        assert isinstance(second_body, LongBody)
        second_body.get_buffer(0)[:part] = bytes(part)
        second_body.buffer_updated(part)
        await full.closed.wait()
        assert (full.status, full.protocol) == (503, second)
        slow.look(100.0)
        slow.look(1000.0)
        await late.closed.wait()
        assert (late.status, late.protocol) == (408, slow)
        assert world.lanes.receive(200_000) is None, "all is given back"

    with Lanes(LaneLimits(threads=1, most_bytes_in_all=200_000)) as lanes:
        asyncio.run(asyncio.wait_for(work(lanes), 60))
