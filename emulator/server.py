"""The emulator over HTTP: uvicorn around the gateway around a function."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from emulator.errors import AddressUnavailable
from emulator.function import Function
from emulator.gateway import Access, Gateway

GRACE_SECONDS = 2
"""How long requests under way may take to end when the server is told to."""


def serve(
    function: Function,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[int], None] = lambda _: None,
    on_access: Callable[[Access], None] = lambda _: None,
) -> None:
    """Serve `function` until SIGINT or SIGTERM; returns when it has ended.

    Args:
        function: what answers; started before and stopped after.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        on_ready: told the port once requests are accepted.
        on_access: told of each answered request.

    Raises:
        AddressUnavailable: the port is taken, or the host is not this machine's.
        RuntimeUnavailable: the function cannot be started.
    """
    Server(function, host=host, port=port, on_ready=on_ready, on_access=on_access).run()


class Server:
    """As `serve`, for who must stop it from another thread; the arguments are the same."""

    def __init__(
        self,
        function: Function,
        *,
        host: str,
        port: int,
        on_ready: Callable[[int], None],
        on_access: Callable[[Access], None],
    ) -> None:
        self._function = function
        self._host, self._port = host, port
        self._on_ready = on_ready
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                Gateway(function, on_access),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    def run(self) -> None:
        """Serve until a signal or `stop`."""
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._run())

    def stop(self) -> None:
        """Make `run` return; from any thread."""
        self._uvicorn.should_exit = True

    async def _run(self) -> None:
        # Signals are caught before anyone is told that there is a server to end.
        with _listen(self._host, self._port) as listener, self._uvicorn.capture_signals():
            try:
                await self._function.start()
                self._on_ready(listener.getsockname()[1])
                await self._uvicorn.serve(sockets=[listener])
            finally:
                await self._function.stop()


class _Uvicorn(uvicorn.Server):
    """uvicorn raises a caught signal again when it ends, which would leave the function behind."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        replaced: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                replaced[number] = signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in replaced.items():
                signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 1 << 16:
        raise AddressUnavailable(host, port, "ports end at 65535")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise AddressUnavailable(host, port, error.strerror or str(error)) from error
