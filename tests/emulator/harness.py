"""The emulator on a free port, for the tests."""

import contextlib
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from lading.emulator.function.in_process import InProcessFunction
from lading.emulator.function.interface import Configuration, Function
from lading.emulator.function.lambda_runtime import Code, LambdaRuntimeFunction
from lading.emulator.gateway.api import Access, Gateway
from lading.emulator.processes.server import ThreadedServer, in_background
from lading.functions.inference.entry.http_server import Listening
from tests.emulator.handlers import handler

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".lading" / "tools"
LINUX_ONLY = pytest.mark.skipif(
    sys.platform != "linux", reason="AWS's Lambda runtime runs on Linux only"
)


@dataclass
class Served:
    """A running emulator: a client of it, its port and what it said of each request."""

    client: httpx.Client
    port: int
    accesses: list[Access] = field(default_factory=list)

    def send_raw(self, *chunks: bytes) -> bytes:
        """Send bytes as they are, and read until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            for chunk in chunks:
                connection.sendall(chunk)
            received = b""
            while more := connection.recv(65536):
                received += more
            return received


@contextlib.contextmanager
def serving(function: Function) -> Iterator[Served]:
    """Serve `function` in a thread of this process."""
    accesses = list[Access]()
    with (
        in_background(Gateway(function, accesses.append), function) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=40) as client,
    ):
        yield Served(client, port, accesses)


def serve(
    function: Function,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve `function` in this thread until a signal."""
    gateway = Gateway(function, lambda _: None)
    ThreadedServer(gateway, function, Listening(host, port), on_ready=on_ready).run()


def ends(pid: int) -> bool:
    """Whether a process ends; waits for that event, on Linux."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 30)[0])
    finally:
        os.close(process)


def in_process(timeout: float = 29.0, log: Path | None = None) -> InProcessFunction:
    """The tests' handler in this process."""
    return InProcessFunction(lambda: handler, Configuration(timeout=timeout), log)


def under_lambda(log: Path, timeout: float = 29.0, **environment: str) -> LambdaRuntimeFunction:
    """The tests' handler under AWS's runtime."""
    return LambdaRuntimeFunction(
        environment,
        log=log,
        tools=TOOLS,
        code=Code(ROOT, "tests.emulator.handlers.handler"),
        configuration=Configuration(timeout=timeout),
    )
