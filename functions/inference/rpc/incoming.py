"""Calls whose request may still be on its way, so that one that never comes blocks no other.

gRPC hands a call with one request to its handler when the whole request is there. Until then only
its client can end the call, which takes one of the places that gRPC counts. So while many calls are
open, a further one is handed over at once, and its request must come in time.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import grpc

MOST_UNLIMITED: Final = 256
"""Open calls up to which gRPC waits for a request without a limit: its own way is quicker."""


class Incoming:
    """The open calls with one request each, in one event loop.

    Args:
        longest_s: seconds that a request may take, once many calls are open.
        late: called when one does not come in time.
    """

    def __init__(self, longest_s: float, late: Callable[[], None] = lambda: None) -> None:
        self._longest_s, self._late = longest_s, late
        self._open: set[asyncio.Task[Any]] = set()

    def opened(self) -> bool:
        """Note a new call, in its task; return whether its request needs no time limit."""
        if len(self._open) >= MOST_UNLIMITED:
            return False
        task = asyncio.current_task()
        assert task is not None, "gRPC looks for handlers in the tasks of calls"
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        return True

    def limited(self, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        """Return a handler of one request as one that waits for the request itself."""

        async def answer(_requests: Any, context: grpc.aio.ServicerContext) -> Any:
            try:
                async with asyncio.timeout(self._longest_s):
                    request = await context.read()
            except TimeoutError:
                self._late()
                text = f"the request was not complete after {self._longest_s:g} s"
                return await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, text)
            if request is grpc.aio.EOF:
                return await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "there is no request")
            return await handler.unary_unary(request, context)

        return grpc.stream_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )
