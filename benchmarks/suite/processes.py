"""Servers in processes of their own, pinned to a core, with what they use of it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.cold_start import SCRATCH, starting_on
from benchmarks.load import ask, get
from lading.emulator.processes.ports import free_port

SERVERS = Path(__file__).parents[1] / "servers"
READY_S = 90
ALIKE = {"ORT_DISABLE_TELEMETRY": "1", "MALLOC_ARENA_MAX": "1"}
"""What every server gets, ours and the others: our image sets the second, which saves memory."""

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12


class Server(NamedTuple):
    """How to start a server.

    Args:
        name: as the tables call it.
        command: its program and arguments; `{port}` stands for the port.
        environment: what it needs in addition to this process's.
        ready: a path that answers 200 when the server is ready; empty if it has no HTTP.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    ready: str = "/ping"


class Running(NamedTuple):
    """A server that is ready.

    Args:
        server: how it was started.
        port: where it listens on 127.0.0.1.
        grpc: where it answers gRPC, if it does.
        process: its first process.
    """

    server: Server
    port: int
    grpc: int
    process: subprocess.Popen[bytes]

    def pids(self) -> list[int]:
        """Return its processes."""
        return [self.process.pid, *descendants(self.process.pid)]

    def cpu_s(self) -> float:
        """Return the processor seconds that its processes have used."""
        return sum(map(_cpu_s, self.pids()))

    def pss_mib(self) -> float:
        """Return its proportional set size in MiB: what it shares counts once."""
        return sum(memory_mib(pid, "Pss") for pid in self.pids())

    def rss_mib(self) -> float:
        """Return the resident set size of its processes in MiB."""
        return sum(memory_mib(pid, "Rss") for pid in self.pids())


def tuned(model: Path, **environment: str) -> Server:
    """Return the server that a team would write itself; see `servers/tuned.py`."""
    options = ("--log-level", "warning", "--no-access-log", "--app-dir", str(SERVERS))
    command = (sys.executable, "-m", "uvicorn", *options, "tuned:app", "--port", "{port}")
    return Server("tuned", command, {"MODEL": str(model), **environment})


def lading(root: Path, name: str = "lading", **environment: str) -> Server:
    """Return our container with the models below `root`, as the image starts it."""
    module = "lading.functions.inference.entry.container"
    variables = {
        "LADING_MODEL_ROOT": str(root),
        "LADING_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": "{port}",
        "LADING_GRPC_PORT": "{grpc}",
        "LADING_THREADS": "1",
        **environment,
    }
    return Server(name, (sys.executable, "-m", module, "serve"), variables)


def constant() -> Server:
    """Return the server of one answer, which shows what the callers can ask at most."""
    return Server("constant", (sys.executable, str(SERVERS / "constant.py"), "{port}"))


@contextmanager
def serving(server: Server, core: int | None) -> Iterator[Running]:
    """Run a server, on one core if `core` is not None, and give it when it is ready.

    Raises:
        RuntimeError: it is not ready in time, or ends; the text has the end of its log.
    """
    port, grpc = free_port(), free_port()
    command = [part.format(port=port, grpc=grpc) for part in server.command]
    given = {key: it.format(port=port, grpc=grpc) for key, it in server.environment.items()}
    environment = {**os.environ, **ALIKE, **given}
    SCRATCH.mkdir(parents=True, exist_ok=True)
    log = SCRATCH / f"server-{server.name.replace(' ', '-')}.log"
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        if core is not None:
            stack.enter_context(starting_on(core))
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    running = Running(server, port, grpc, process)
    try:
        _wait(running, log)
        yield running
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and whatever it has started: some leave processes behind."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def serving_all(servers: Iterable[Server], core: int) -> Iterator[list[Running]]:
    """Run servers beside each other on one core; those that are not asked use no time."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(server, core)) for server in servers]


def _wait(running: Running, log: Path) -> None:
    ends = time.monotonic() + READY_S
    while True:
        try:
            _try(running)
        except (ConnectionError, TimeoutError, RuntimeError) as error:
            if running.process.poll() is None and time.monotonic() < ends:
                time.sleep(0.1)
                continue
            end = log.read_text(errors="replace")[-1500:]
            raise RuntimeError(f"{running.server.name} did not start:\n{end}") from error
        return


def _try(running: Running) -> None:
    if running.server.ready:
        ask(running.port, get(running.server.ready))
        return
    with socket.create_connection(("127.0.0.1", running.grpc)):
        pass


def descendants(pid: int) -> list[int]:
    """Return the processes that this one started, and theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        others = [
            child
            for task in Path(f"/proc/{pid}/task").iterdir()
            if task.name != str(pid)
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
    found = [int(child) for child in (*children, *others)]
    return [*found, *(below for child in found for below in descendants(child))]


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS


def memory_mib(pid: int, kind: str) -> float:
    """Return `Pss` or `Rss` of a process in MiB; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / 1024
