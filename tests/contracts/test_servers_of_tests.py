"""A server that a test starts leaves the rest of the process as it was."""

import logging

from lading.functions.inference.wire.asgi import Receive, Scope, Send
from tests.support.uvicorn_server import uvicorn_serving


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer no request: none is sent."""


class _Noting(logging.Handler):
    """A handler that remembers whether somebody closed it."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


def test_a_server_closes_no_handler_of_the_log() -> None:
    handler = _Noting()

    with uvicorn_serving(_nothing):
        assert not handler.closed
