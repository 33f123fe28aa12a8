"""An idle connection is closed after its time, by one timer for all of its requests."""

import asyncio
from pathlib import Path

from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from tests.support.short_way_run import REQUEST, Connections
from tests.support.worlds import times, write_artifact


def test_a_connection_is_closed_once_it_has_been_idle_and_not_while_it_is_used(
    tmp_path: Path,
) -> None:
    write_artifact(tmp_path, "m", 1, times(3))

    async def used() -> None:
        with Lanes(LaneLimits(threads=1)) as lanes:
            connections = Connections(tmp_path, 1, lanes)
            (protocol,), (transport,) = connections.protocols, connections.transports
            await connections.turns(3, pause_s=0.001)
            timer = protocol.timeout_keep_alive_task
            assert timer is not None
            await connections.turns(3, pause_s=0.001)
            assert protocol.timeout_keep_alive_task is timer, "it is not set for each request"
            protocol.timeout_keep_alive_handler()
            assert not transport.closed, "its time begins anew with each answer"
            assert protocol.timeout_keep_alive_task is not None, "it looks again later"
            protocol.data_received(REQUEST[:20])
            protocol.timeout_keep_alive = 0
            protocol.timeout_keep_alive_handler()
            assert not transport.closed, "a request is on its way"
            protocol.timeout_keep_alive = 60
            answers = transport.answers
            protocol.data_received(REQUEST[20:])
            while transport.answers == answers:  # noqa: ASYNC110 no event tells
                await asyncio.sleep(0.001)
            protocol.timeout_keep_alive = 0
            protocol.timeout_keep_alive_handler()
            assert transport.closed

    asyncio.run(used())
