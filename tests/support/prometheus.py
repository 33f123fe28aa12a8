"""Prometheus's own programs, from Debian's package; `make prometheus` fetches them."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import httpx
import pytest

_FETCHED = Path(__file__).parents[2] / ".lading" / "tools" / "prometheus" / "usr" / "bin"


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; the test is skipped where it is not."""
    found = shutil.which(name, path=str(_FETCHED)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; on Debian and Ubuntu: make prometheus")
    return found


def free_port() -> int:
    """A port on which nothing listens."""
    with create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


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
    data = None
    for _ in range(600):
        try:
            data = httpx.get(f"{url}/api/v1/{path}", params=query).json()["data"]
            if result := found(data):
                return result
        except (httpx.TransportError, ValueError, KeyError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"{path} {query}: {data}")
