"""HTTP for an application: where it listens, and how uvicorn speaks to clients and proxies."""

import asyncio
import socket
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import uvicorn

from lading.functions.inference.wire.asgi import App

KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open.

Load balancers keep theirs for 60 seconds. A server that closes first loses the request that is on
its way just then, and the caller gets a 502.
"""
MOST_KEEP_ALIVE_SECONDS: Final = 3600

_IPV6_EVERYWHERE = "::"
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and how it treats its connections.

    Args:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        keep_alive_s: how long an idle connection stays open.
    """

    host: str = "127.0.0.1"
    port: int = 0
    keep_alive_s: int = KEEP_ALIVE_SECONDS


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; host `::` takes IPv4 too, where the system has both.

    Raises:
        OSError: the port is taken, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == _IPV6_EVERYWHERE and socket.has_dualstack_ipv6()
    listener = socket.create_server(
        (host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
    )
    # asyncio sets this on sockets of its own making alone; connections inherit it. Without it the
    # second write of an answer waits 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address_of(host: str, port: int) -> str:
    """`host:port`, as URLs and clients write it.

    >>> address_of("::1", 8080)
    '[::1]:8080'
    """
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def configuration(
    app: App, *, keep_alive_s: int, grace_s: int, log_level: str | None = None
) -> uvicorn.Config:
    """The settings of uvicorn, which logs no requests.

    Args:
        app: what answers.
        keep_alive_s: how long an idle connection stays open.
        grace_s: how long requests under way may take to end when the server is told to.
        log_level: of uvicorn's own lines, as of a request that is no HTTP.
    """
    return uvicorn.Config(
        app,
        http=_protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=log_level,
        access_log=False,
        server_header=False,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=grace_s,
    )


class HttpServer(uvicorn.Server):
    """uvicorn, and what listens beside it in the same event loop; both begin and end together.

    Args:
        config: see `configuration`.
        beside: what listens while it is entered; None for nothing.
    """

    def __init__(
        self, config: uvicorn.Config, beside: AbstractAsyncContextManager[object] | None = None
    ) -> None:
        super().__init__(config)
        self._beside, self._open = beside or nullcontext(), AsyncExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin beside, then here; what is raised there ends the server."""
        await self._open.enter_async_context(self._beside)
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is under way end, on both sides within the same time."""
        await asyncio.gather(super().shutdown(sockets), self._open.aclose())


def _protocol() -> str:
    """The parser of the image; a laptop may have only uvicorn's own."""
    fast = "lading.functions.inference.entry.http_protocol:BoundedProtocol"
    return fast if find_spec("httptools") else "h11"
