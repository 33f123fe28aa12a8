"""The emulator over HTTP: uvicorn around the gateway, or around any other service of AWS."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import FrameType
from typing import Protocol

import uvicorn

from lading.emulator.errors import AddressUnavailable
from lading.emulator.function.interface import Function
from lading.emulator.gateway.api import Access, Gateway
from lading.functions.inference.entry.http_server import Listening, configuration, listen
from lading.functions.inference.wire.asgi import App

GRACE_SECONDS = 2
"""How long requests under way may take to end when the server is told to."""

_POLL_SECONDS = 0.1
_ANYWHERE = Listening()


class Running(Protocol):
    """What runs while there is a server for it."""

    async def start(self) -> None:
        """Begin; what is raised here ends the server."""

    async def stop(self) -> None:
        """End."""


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
    listening = Listening(host, port)
    ThreadedServer(Gateway(function, on_access), function, listening, on_ready=on_ready).run()


@contextlib.contextmanager
def in_background(
    app: App, running: Running, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """Serve `app` from a thread of its own; gives the port, a free one when it is to be 0.

    Raises:
        EmulatorError: `running` cannot be started.
    """
    bound: Future[int] = Future()
    server = ThreadedServer(app, running, Listening(host, port), on_ready=bound.set_result)

    def run() -> None:
        try:
            server.run()
        except BaseException as error:
            if bound.done():
                raise
            bound.set_exception(error)
        bound.cancel()  # of a server that was stopped before it was ready

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        yield bound.result()
    finally:
        server.stop()
        thread.join()


class ThreadedServer:
    """A server, for who must stop it from another thread.

    Args:
        app: what answers.
        running: what is started before and stopped after.
        listening: where.
        on_ready: told the port once requests are accepted.
    """

    def __init__(
        self,
        app: App,
        running: Running,
        listening: Listening = _ANYWHERE,
        *,
        on_ready: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._running, self._listening = running, listening
        self._on_ready = on_ready
        self._uvicorn = _Uvicorn(
            configuration(
                app,
                keep_alive_s=listening.keep_alive_s,
                grace_s=GRACE_SECONDS,
                log_level="critical",
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
        with (
            _listen(self._listening) as listener,
            self._uvicorn.capture_signals(),
        ):
            try:
                if await self._started():
                    self._on_ready(listener.getsockname()[1])
                    await self._uvicorn.serve(sockets=[listener])
            finally:
                await self._running.stop()

    async def _started(self) -> bool:
        """Start what runs; False when the server is told to end meanwhile."""
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


def _listen(where: Listening) -> socket.socket:
    host, port = where.host, where.port
    if not 0 <= port < 1 << 16:
        raise AddressUnavailable(host, port, "ports end at 65535")
    try:
        return listen(host, port)
    except OSError as error:
        raise AddressUnavailable(host, port, error.strerror or str(error)) from error
