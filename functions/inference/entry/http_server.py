"""An HTTP server for an application: where it listens, and the settings of uvicorn."""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import uvicorn

from lading.functions.inference.entry.keep_alive import KEEP_ALIVE_SECONDS
from lading.functions.inference.entry.stopping import Stopping
from lading.functions.inference.wire.asgi import App

if TYPE_CHECKING:
    from lading.functions.inference.callers.callers import Callers
    from lading.functions.inference.entry.short.way import ShortWay

_IPV6_EVERYWHERE = "::"
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Listening:
    """Settings of a server's connections: its address, and how long it keeps them open.

    Args:
        host: address to listen on.
        port: port to listen on; 0 chooses a free one.
        keep_alive_s: how long an idle connection stays open.
    """

    host: str = "127.0.0.1"
    port: int = 0
    keep_alive_s: int = KEEP_ALIVE_SECONDS


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; host `::` accepts IPv4 too, where the system supports both.

    Raises:
        OSError: the port is in use, or the host is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == _IPV6_EVERYWHERE and socket.has_dualstack_ipv6()
    listener = socket.create_server(
        (host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
    )
    # asyncio sets this only on sockets that it creates; connections inherit it. Without it the
    # second write of an answer waits 40 ms for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address_of(host: str, port: int) -> str:
    """Return `host:port` in the form of URLs.

    >>> address_of("::1", 8080)
    '[::1]:8080'
    """
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def configuration(  # noqa: PLR0913 the settings of a server
    app: App,
    *,
    keep_alive_s: int,
    grace_s: int,
    log_level: str | None = None,
    short: "ShortWay | None" = None,
    callers: "Callers | None" = None,
) -> uvicorn.Config:
    """Return the settings of uvicorn, which does not log requests.

    Args:
        app: the application.
        keep_alive_s: how long an idle connection stays open.
        grace_s: how long current requests may take to end when the server stops.
        log_level: of uvicorn's own lines, for instance about a request that is not HTTP.
        short: the short way to the models of `app`, if there is one.
        callers: the limits on connections, and the connections; by default those of `CallerLimits`.
    """
    return uvicorn.Config(
        app,
        http=_protocol(short, callers),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=log_level,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=grace_s,
    )


def share(config: uvicorn.Config) -> None:
    """Have a server accept one connection at a time, for other processes serve the same port.

    A burst of connections is then spread over all of them.
    """
    config.backlog = 1


class HttpServer(uvicorn.Server):
    """uvicorn, and another server in the same event loop; both start and stop together.

    Args:
        config: see `configuration`.
        beside: the other server, which listens while the context is entered.
        stopping: what happens at the signal to stop, and for how long connections are still taken.
        beat: called again and again while the event loop runs.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        beside: AbstractAsyncContextManager[object] | None = None,
        stopping: "Stopping | None" = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._stopping, self._beat = stopping or Stopping(), beat
        self._beside, self._open = beside or nullcontext(), AsyncExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the other server, then this one; an error of the other stops this one."""
        await self._open.enter_async_context(self._beside)
        await super().startup(sockets)
        for listener in sockets or ():  # asyncio set this to what it accepts at once
            listener.listen(_BACKLOG)

    async def on_tick(self, counter: int) -> bool:
        """Beat, ten times a second."""
        self._beat()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let current requests of both servers end, within the same time, and refuse the rest."""
        # SIGINT comes from a keyboard, where nobody wants to wait.
        await self._stopping.linger(lambda: signal.SIGINT in self._captured_signals)
        await asyncio.gather(super().shutdown(sockets), self._open.aclose())
        await self._stopping.refuse(self.server_state.tasks)


def _protocol(short: "ShortWay | None", callers: "Callers | None") -> Any:
    """Return the HTTP parser: httptools, around which callers are limited.

    Only the function that streams answers on Lambda lacks it: the adapter takes its requests.
    """
    if not find_spec("httptools"):
        return "h11"
    from lading.functions.inference.callers.callers import Callers

    shared = callers or Callers()
    if short is not None:
        from lading.functions.inference.entry.short.protocol import ShortProtocol

        return partial(ShortProtocol, short, callers=shared)
    from lading.functions.inference.entry.http_protocol import BoundedProtocol

    return partial(BoundedProtocol, callers=shared)
