"""Requests wait for a thread, and leave the queue when their callers leave."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from lading.functions.contract.errors import CallerGone
from lading.functions.inference.wire.asgi import Receive
from lading.functions.inference.wire.sending import disconnected

T = TypeVar("T")


async def in_turn(work: Callable[[], T], receive: Receive, executor: Executor) -> T:
    """What `work` returns, when one of the threads has come to it.

    Args:
        work: what to do; once a thread has begun, it does it to the end.
        receive: tells when the client is gone; the body has been read from it.
        executor: the threads.

    Raises:
        CallerGone: the client left before a thread had begun.
    """
    turn = executor.submit(work)
    gone = asyncio.ensure_future(disconnected(receive))
    gone.add_done_callback(lambda _: turn.cancel())
    try:
        return await asyncio.wrap_future(turn)
    except asyncio.CancelledError:
        if gone.done():
            raise CallerGone("its turn came") from None
        raise
    finally:
        gone.cancel()
