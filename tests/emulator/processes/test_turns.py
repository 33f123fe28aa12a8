import asyncio
from functools import partial

import pytest

from lading.emulator.processes.turns import Turns


def test_work_is_done_one_after_another_in_order_of_arrival() -> None:
    done: list[str] = []

    async def work(name: str) -> str:
        done.append(f"{name} begins")
        await asyncio.sleep(0)
        done.append(f"{name} ends")
        return name

    async def all_of_it() -> list[str]:
        turns = Turns()
        return await asyncio.gather(*(turns.take(partial(work, name)) for name in "abc"))

    assert asyncio.run(all_of_it()) == ["a", "b", "c"]
    assert done == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


def test_a_canceled_caller_leaves_running_work_to_its_end() -> None:
    async def scenario() -> list[str]:
        turns, begun, may_end, done = Turns(), asyncio.Event(), asyncio.Event(), list[str]()

        async def first() -> None:
            begun.set()
            await may_end.wait()
            done.append("first")

        async def second() -> None:
            done.append("second")

        caller = asyncio.create_task(turns.take(first))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        waiting = asyncio.create_task(turns.take(second))
        may_end.set()
        await waiting
        return done

    assert asyncio.run(scenario()) == ["first", "second"]
