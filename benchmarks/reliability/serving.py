"""The servers of the parts: containers of small models, as processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from lading.emulator.processes.ports import free_port
from tests.support.worlds import countdown, times, write_artifact

ROOT: Final = Path(__file__).parents[2]
READY_S: Final = 120
FACTOR: Final = 2
"""What the model `times` multiplies by."""


class Served(NamedTuple):
    """A server that is ready.

    Args:
        process: its process.
        port: where it listens on 127.0.0.1.
        log: what it writes.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Tell it to end."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait until it has ended; return its status."""
        return self.process.wait(120)

    def notices(self) -> int:
        """Return how many lines say that a limit was reached."""
        return self.log.read_text().count("limit reached")

    def memory_mib(self, name: str = "VmRSS") -> float:
        """Return a size of its memory: `VmRSS` now, `VmHWM` the highest."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        raise ValueError(f"no size {name}")

    def descriptors(self) -> int:
        """Return how many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208 only the number

    def fetch(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return the status and the body of one answer."""
        url, headers = f"http://127.0.0.1:{self.port}{path}", {"content-type": "application/json"}
        request = urllib.request.Request(url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@contextmanager
def models() -> Iterator[Path]:
    """Yield a folder with the models `times`, which is quick, and `slow`."""
    with TemporaryDirectory(prefix="lading-reliability-") as folder:
        root = Path(folder)
        write_artifact(root, "times", 1, times(FACTOR))
        write_artifact(root, "slow", 1, countdown())
        yield root


def start(root: Path, log: Path, **environment: str) -> Served:
    """Start a server of the models in `root`; see `ready`."""
    port = free_port()
    told = {"SAGEMAKER_BIND_TO_PORT": str(port), "LADING_MODEL_ROOT": str(root), **environment}
    command = (sys.executable, "-m", "lading.functions.inference.entry.container", "serve")
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **told}, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    return Served(process, port, log)


def ready(served: Served) -> Served:
    """Return a server once it is ready.

    Raises:
        RuntimeError: it ended, or is not ready for two minutes.
    """
    until = time.monotonic() + READY_S
    while time.monotonic() < until and served.process.poll() is None:
        try:
            if served.fetch("/ping")[0] == 200:  # noqa: PLR2004 OK
                return served
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    served.process.kill()
    raise RuntimeError(f"a server did not become ready; its log:\n{served.log.read_text()[-2000:]}")


@contextmanager
def serving(root: Path, **environment: str) -> Iterator[Served]:
    """Yield a server, which ends with the block."""
    served = ready(start(root, root / "server.log", **environment))
    try:
        yield served
    finally:
        served.process.kill()
        served.process.wait()


def rounds_of(served: Served, seconds: float) -> int:
    """Return how many rounds make the model `slow` compute for so long, by measurement."""
    rounds, took = 20_000, 0.0
    for _ in range(2):
        started = time.perf_counter()
        status, _ = served.fetch("/predict/slow", slow_body(rounds))
        took = time.perf_counter() - started
        if status != 200:  # noqa: PLR2004 OK
            raise RuntimeError(f"the slow model answered {status}")
        rounds = max(1000, int(rounds * seconds / took))
    return rounds


def slow_body(rounds: int) -> bytes:
    """Return the body of a request that computes so many rounds."""
    return json.dumps({"inputs": {"rounds": [rounds], "x": [1.0]}}).encode()
