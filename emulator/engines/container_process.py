"""A container's program as a process of this machine, under SageMaker's container contract.

It is started with the argument `serve`, listens on the port that it is told, is ready when `/ping`
answers 200 within two seconds, and ends at SIGTERM; thirty seconds later it is killed. One that has
ended by itself is started again when it is asked next.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lading.emulator.checkout import CODE
from lading.emulator.errors import ContainerError, ContainerNotReady
from lading.emulator.processes.child import Child
from lading.emulator.processes.http_exchange import Address, exchange
from lading.emulator.processes.ports import free_port
from lading.functions.contract.names import CONTAINER, ENVIRONMENT

_HOST = "127.0.0.1"
_OK = 200
_BETWEEN_PINGS = 0.05
_DYING_SECONDS = 0.5


PORT = "{port}"
"""Stands in a command for the port; a container is told it by its environment."""


def invocations(body: bytes) -> tuple[str, bytes]:
    """Where a container takes a request, and the request."""
    return "/invocations", body


@dataclass(frozen=True, slots=True)
class Program:
    """What a container runs, and what it answers to."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path = Path("/")
    ping: str = "/ping"
    request: Callable[[bytes], tuple[str, bytes]] = invocations


@dataclass(frozen=True, slots=True)
class ContainerTimeouts:
    """How long SageMaker waits for a container, in seconds."""

    ping: float = 2.0
    start: float = 180.0
    stop: float = 30.0


def service_container(model_folder: Path, interpreter: Path = Path(sys.executable)) -> Program:
    """`functions/inference/entry/container.py`, serving what lies in `model_folder`."""
    return Program(
        [str(interpreter), "-m", "lading.functions.inference.entry.container", "serve"],
        {"PYTHONPATH": str(CODE), ENVIRONMENT.model_root: str(model_folder.absolute())},
    )


@dataclass
class EngineProcess:
    """One container.

    Args:
        name: of its endpoint, for errors.
        program: what it runs.
        log: file to which its output is appended.
        patience: how long it is waited for.
    """

    name: str
    program: Program
    log: Path
    patience: ContainerTimeouts = field(default_factory=ContainerTimeouts)
    _child: Child | None = None
    _port: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Start it, and wait until it is ready.

        Raises:
            ContainerNotReady: it ended, or did not answer `/ping` in time; nothing of it is left.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        told = {CONTAINER.port: str(self._port), "PYTHONUNBUFFERED": "1"}
        self._child = Child(
            [part.replace(PORT, str(self._port)) for part in self.program.command],
            environment={**self.program.environment, **told},
            folder=self.program.folder,
            log=self.log,
        )
        try:
            await self._ready(self._child)
        except BaseException:
            await self.stop()
            raise

    async def address(self) -> Address:
        """Where it listens; started anew when it has ended.

        Raises:
            ContainerNotReady: it does not come back.
        """
        async with self._turn:
            if self._child is None or self._child.ended:
                await self.start()
        return Address(_HOST, self._port)

    async def check(self) -> None:
        """See whether it has ended, now that an exchange broke: its connections go before it."""
        if self._child is not None:
            await asyncio.to_thread(self._child.has_ended_within, _DYING_SECONDS)

    async def request(self, body: bytes) -> tuple[str, bytes]:
        """Where it takes a request, and the request as it takes it."""
        return self.program.request(body)

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not.

        Raises nothing: what ignored SIGTERM is said in its log.
        """
        child, self._child = self._child, None
        if child is None:
            return
        if not await asyncio.to_thread(child.end, self.patience.stop):
            with self.log.open("a") as log:
                log.write(f"lading: still there {self.patience.stop:g} s after SIGTERM; killed\n")

    async def _ready(self, child: Child) -> None:
        deadline = time.monotonic() + self.patience.start
        while not await self._answers_ping():
            if child.ended:
                raise ContainerNotReady(self.name, "ended before it was ready", self.log)
            if time.monotonic() > deadline:
                ping, seconds = self.program.ping, f"{self.patience.start:g} s"
                reason = f"did not answer {ping} with 200 within {seconds}"
                raise ContainerNotReady(self.name, reason, self.log)
            await asyncio.sleep(_BETWEEN_PINGS)

    async def _answers_ping(self) -> bool:
        with contextlib.suppress(ContainerError, TimeoutError):
            async with (
                asyncio.timeout(self.patience.ping),
                exchange(Address(_HOST, self._port), "GET", self.program.ping, {}) as reply,
            ):
                return reply.status == _OK
        return False
