"""Prometheus's own programs, from Debian's package; `make prometheus` fetches them."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from lading.emulator.processes.ports import free_port
from tests.support.waiting import until

_FETCHED = Path(__file__).parents[2] / ".lading" / "tools" / "prometheus" / "usr" / "bin"


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; the test is skipped where it is not."""
    found = shutil.which(name, path=str(_FETCHED)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; on Debian and Ubuntu: make prometheus")
    return found


@contextmanager
def running(configuration: Path, *options: str) -> Iterator[str]:
    """The URL of a stock Prometheus server with this configuration."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={configuration.parent}/data",
        f"--web.listen-address={address}",
        *options,
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://{address}"
        finally:
            server.terminate()


def wait_for(url: str, path: str, found: Callable[[Any], Any], **query: str) -> Any:
    """What `found` finds in Prometheus's answer, once it finds something."""

    def looked() -> Any:
        with suppress(httpx.TransportError, ValueError, KeyError):
            return found(httpx.get(f"{url}/api/v1/{path}", params=query).json()["data"])
        return None

    return until(looked)
