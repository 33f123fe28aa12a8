"""A container's program as a process of this machine, under SageMaker's container contract.

The program gets the argument `serve`, listens on the port that its environment names, is ready when
`/ping` answers 200 within two seconds, and ends at SIGTERM or is killed 30 seconds later. A program
that ended by itself is started again at the next request.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lading.emulator.checkout import CODE
from lading.emulator.errors import ContainerNotReady
from lading.emulator.processes.child import Child
from lading.emulator.processes.http_exchange import Address, answers_ok
from lading.emulator.processes.ports import free_port
from lading.functions.contract.names import CONTAINER, ENVIRONMENT

PORT = "{port}"
"""Stands for the port in a command; a container reads it from its environment."""

_HOST = "127.0.0.1"
_DYING_SECONDS = 0.5


def invocations(body: bytes) -> tuple[str, bytes]:
    """Return the path of a container's requests, and the request unchanged."""
    return "/invocations", body


@dataclass(frozen=True, slots=True)
class Program:
    """A container's command, and the paths that it answers."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path = Path("/")
    ping: str = "/ping"
    request: Callable[[bytes], tuple[str, bytes]] = invocations


@dataclass(frozen=True, slots=True)
class ContainerTimeouts:
    """SageMaker's time limits for a container, in seconds."""

    ping: float = 2.0
    start: float = 180.0
    stop: float = 30.0


def service_container(model_folder: Path, interpreter: Path = Path(sys.executable)) -> Program:
    """Return `functions/inference/entry/container.py` as a program that serves `model_folder`."""
    return Program(
        [str(interpreter), "-m", "lading.functions.inference.entry.container", "serve"],
        {"PYTHONPATH": str(CODE), ENVIRONMENT.model_root: str(model_folder.absolute())},
    )


@dataclass
class EngineProcess:
    """One container.

    Args:
        name: name of its endpoint, for error texts.
        program: the program that it runs.
        log: file to which its output is appended.
        timeouts: its time limits.
    """

    name: str
    program: Program
    log: Path
    timeouts: ContainerTimeouts = field(default_factory=ContainerTimeouts)
    _child: Child | None = None
    _port: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Start it, and wait until it is ready.

        Raises:
            ContainerNotReady: it ended, or did not answer `/ping` in time; no process is left.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        own = {CONTAINER.port: str(self._port), "PYTHONUNBUFFERED": "1"}
        self._child = child = Child(
            [part.replace(PORT, str(self._port)) for part in self.program.command],
            environment={**self.program.environment, **own},
            folder=self.program.folder,
            log=self.log,
        )
        probe = partial(
            answers_ok, Address(_HOST, self._port), self.program.ping, self.timeouts.ping
        )
        ready = False
        try:
            ready = await child.ready(probe, self.timeouts.start)
            if not ready:
                raise ContainerNotReady(self.name, self._why_not_ready(child), self.log)
        finally:
            if not ready:
                await self.stop()

    async def address(self) -> Address:
        """Return its address, after a restart if it has ended.

        Raises:
            ContainerNotReady: it does not start again.
        """
        async with self._turn:
            if self._child is None or self._child.ended:
                await self.start()
        return Address(_HOST, self._port)

    async def check(self) -> None:
        """Wait a moment for its end after a broken exchange: its connections close before it."""
        if self._child is not None:
            await asyncio.to_thread(self._child.has_ended_within, _DYING_SECONDS)

    async def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body of a request as the program expects them."""
        return self.program.request(body)

    async def stop(self) -> None:
        """Send SIGTERM, and SIGKILL when it does not end in time; its log says so then."""
        child, self._child = self._child, None
        if child is None:
            return
        if not await asyncio.to_thread(child.end, self.timeouts.stop):
            with self.log.open("a") as log:
                log.write(f"lading: still running {self.timeouts.stop:g} s after SIGTERM; killed\n")

    def _why_not_ready(self, child: Child) -> str:
        if child.ended:
            return "ended before it was ready"
        return f"did not answer {self.program.ping} with 200 within {self.timeouts.start:g} s"
