"""Calls gather while more are announced, and a call that is alone waits for nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.lanes.turn import Turn
from lading.functions.inference.models.predictor import Batching
from lading.functions.inference.rpc.gathering import GatheredCalls
from lading.functions.inference.wire.messages import Observation
from tests.support.operations import make_quick
from tests.support.predictors import PATIENCE, Gated

JOINED = Batching(16)
SHORT, LONG = 100, 1 << 20


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    with Lanes(LaneLimits(threads=1)) as opened:
        yield opened


def quick(lanes: Lanes) -> Gated:
    return make_quick(lanes, Gated("quick", JOINED))


def begin(lanes: Lanes, model: Gated, value: float) -> Callable[[], Turn[Any]]:
    def operation() -> Any:
        return float((yield model.asked(value))["x"][0, 0])

    return partial(lanes.decode, operation(), Observation(), size=SHORT)


async def call(gathering: GatheredCalls, begun: Callable[[], Turn[Any]], turns: int) -> Any:
    """A call that is announced, and whose request follows some turns of the event loop later."""
    gathering.announce()
    for _ in range(turns):
        await asyncio.sleep(0)
    gathering.arrive()
    return await gathering.answered(begun, SHORT)


def answers(*calls: Awaitable[Any]) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE)

    return asyncio.run(all_of_them())


def test_announced_calls_share_a_run_though_their_requests_come_one_by_one(lanes: Lanes) -> None:
    gathering, model = GatheredCalls(lanes), quick(lanes)
    values = [float(at) for at in range(5)]
    calls = [call(gathering, begin(lanes, model, at), 7 * int(at)) for at in values]
    assert answers(*calls) == [at + 1 for at in values]
    assert model.runs == [values]


def test_a_call_whose_request_does_not_follow_holds_up_no_other(lanes: Lanes) -> None:
    gathering, model = GatheredCalls(lanes), quick(lanes)
    gathering.announce()  # by a client that sends nothing more
    assert answers(call(gathering, begin(lanes, model, 1.0), 0)) == [2.0]


def test_calls_gather_until_they_are_many(lanes: Lanes) -> None:
    gathering, model = GatheredCalls(lanes, most=2), quick(lanes)
    values = [float(at) for at in range(4)]
    calls = [call(gathering, begin(lanes, model, at), 4 * int(at)) for at in values]
    assert answers(*calls) == [at + 1 for at in values]
    assert model.runs == [values[:2], values[2:]]


def test_a_large_request_is_answered_alone(lanes: Lanes) -> None:
    gathering, model = GatheredCalls(lanes), quick(lanes)
    large = gathering.answered(begin(lanes, model, 1.0), LONG)
    assert answers(large, call(gathering, begin(lanes, model, 2.0), 0)) == [2.0, 3.0]
    assert model.runs == [[1.0], [2.0]]


def test_a_wrong_request_fails_alone(lanes: Lanes) -> None:
    gathering, model = GatheredCalls(lanes), quick(lanes)
    calls = [call(gathering, begin(lanes, model, at), 0) for at in (1.0, -1.0)]
    good, bad = answers(*calls)
    assert good == 2.0
    assert isinstance(bad, InvalidInput)


@pytest.mark.parametrize("after", range(12))
def test_a_caller_that_leaves_at_any_turn_leaves_the_queue(lanes: Lanes, after: int) -> None:
    """Before it is begun, at the same time, and later."""
    model = Gated("slow", JOINED)
    gathering = GatheredCalls(lanes)

    async def leave() -> None:
        first = asyncio.create_task(gathering.answered(begin(lanes, model, 1.0), SHORT))
        assert await asyncio.to_thread(model.entered.wait, PATIENCE)
        asked = asyncio.create_task(gathering.answered(begin(lanes, model, 2.0), SHORT))
        for _ in range(after):
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert not sum(each.waiting for each in lanes.states())
        model.gate.set()
        assert await first == 2.0

    model.gate.clear()
    asyncio.run(asyncio.wait_for(leave(), PATIENCE))
    assert model.runs == [[1.0]]
