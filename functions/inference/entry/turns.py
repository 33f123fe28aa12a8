"""The queue of requests for a thread, which a request leaves when its caller disconnects."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from lading.functions.contract.errors import CallerGone
from lading.functions.inference.wire.asgi import Receive
from lading.functions.inference.wire.sending import disconnected

T = TypeVar("T")


async def in_turn(work: Callable[[], T], receive: Receive, executor: Executor) -> T:
    """Run `work` in one of the threads, and return its result.

    Args:
        work: what to do; once a thread has started it, it runs to its end.
        receive: reports when the client is gone; the body has been read from it.
        executor: the threads.

    Raises:
        CallerGone: the client disconnected before a thread started.
    """
    turn = executor.submit(work)
    gone = asyncio.ensure_future(disconnected(receive))
    gone.add_done_callback(lambda _: turn.cancel())
    try:
        return await asyncio.wrap_future(turn)
    except asyncio.CancelledError:
        if gone.done():
            raise CallerGone("a thread was free") from None
        raise
    finally:
        gone.cancel()
