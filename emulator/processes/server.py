"""The emulator's HTTP server: uvicorn around the gateway, or around another emulated service."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import FrameType
from typing import Any, Protocol

import uvicorn

from lading.emulator.errors import AddressUnavailable
from lading.functions.inference.entry.http_server import Listening, configuration, listen
from lading.functions.inference.wire.asgi import App

GRACE_SECONDS = 2
"""Time for running requests to end after the server was told to stop."""

_POLL_SECONDS = 0.1
_LOCALHOST = Listening()


class Running(Protocol):
    """A service that runs as long as its server."""

    async def start(self) -> None:
        """Start; an exception ends the server."""

    async def stop(self) -> None:
        """Stop."""


@contextlib.contextmanager
def in_background(
    app: App, running: Running, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """Serve `app` in another thread and yield the port; port 0 chooses a free one.

    Raises:
        EmulatorError: `running` cannot be started.
    """
    bound: Future[int] = Future()
    server = ThreadedServer(app, running, Listening(host, port), on_ready=bound.set_result)
    with ThreadPoolExecutor(1, "server") as thread:
        served = thread.submit(server.run)
        try:
            either: tuple[Future[Any], ...] = (bound, served)
            wait(either, return_when=FIRST_COMPLETED)
            if served.done():
                served.result()
                bound.cancel()  # the server was stopped before it was ready
            yield bound.result()
        finally:
            server.stop()
    served.result()


class ThreadedServer:
    """A server that another thread can stop.

    Args:
        app: the application to serve.
        running: started before the server, and stopped after it.
        listening: the address.
        on_ready: called with the port when the server accepts requests.
    """

    def __init__(
        self,
        app: App,
        running: Running,
        listening: Listening = _LOCALHOST,
        *,
        on_ready: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._running, self._listening, self._on_ready = running, listening, on_ready
        self._uvicorn = _Uvicorn(
            configuration(
                app,
                keep_alive_s=listening.keep_alive_s,
                grace_s=GRACE_SECONDS,
                log_level="critical",
            )
        )

    def run(self) -> None:
        """Serve until a signal or `stop`.

        Raises:
            EmulatorError: the address cannot be used, or `running` cannot be started.
        """
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._run())

    def stop(self) -> None:
        """Make `run` return; any thread may call this."""
        self._uvicorn.should_exit = True

    async def _run(self) -> None:
        # Signals are handled before `on_ready` can lead to one.
        with _listen(self._listening) as listener, self._uvicorn.capture_signals():
            try:
                if await self._started():
                    self._on_ready(listener.getsockname()[1])
                    await self._uvicorn.serve(sockets=[listener])
            finally:
                await self._running.stop()

    async def _started(self) -> bool:
        """Start the service; return False when a stop is requested meanwhile."""
        starting = asyncio.ensure_future(self._running.start())
        while not starting.done():
            await asyncio.wait({starting}, timeout=_POLL_SECONDS)
            if self._uvicorn.should_exit:
                starting.cancel()
        if starting.cancelled():
            return False
        starting.result()
        return True


class _Uvicorn(uvicorn.Server):
    """uvicorn, except that it does not raise a signal again, which would skip `Running.stop`."""

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


def _listen(where: Listening) -> socket.socket:
    host, port = where.host, where.port
    if not 0 <= port < 1 << 16:
        raise AddressUnavailable(host, port, "a port must be 0 to 65535")
    try:
        return listen(host, port)
    except OSError as error:
        raise AddressUnavailable(host, port, error.strerror or str(error)) from error
