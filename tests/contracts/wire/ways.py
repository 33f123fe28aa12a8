"""Every way of serving, behind one address: the same clients must find the same service.

The deployed one is asked the same in `tests/end_to_end/test_every_dialect_in_the_cloud.py`.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from emulator.runtimes import Runtime, create_function
from functions.inference.observability import Observability
from functions.inference.settings import Settings
from tests.driver import serve
from tests.emulator.harness import LINUX_ONLY, ROOT, serving
from tests.uvicorn_server import uvicorn_serving

Way = Callable[[Settings], AbstractContextManager[str]]


@contextlib.contextmanager
def under_uvicorn(settings: Settings) -> Iterator[str]:
    """The application by itself."""
    app = Observability(settings).served(serve(settings))
    with uvicorn_serving(app) as address:
        yield address


def emulated(runtime: Runtime) -> Way:
    """`lading serve`: the Lambda handler behind the emulated API Gateway."""

    @contextlib.contextmanager
    def way(settings: Settings) -> Iterator[str]:
        log = Path(settings.model_root) / f"{runtime}.log"
        with serving(create_function(runtime, settings, log=log)) as served:
            yield f"127.0.0.1:{served.port}"

    return way


@contextlib.contextmanager
def container(settings: Settings) -> Iterator[str]:
    """The container's own process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, **settings.to_environment(), "SAGEMAKER_BIND_TO_PORT": str(port)}
    command = [sys.executable, "-m", "functions.inference.container", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(process, f"http://127.0.0.1:{port}/ping")
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    while process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    raise AssertionError("the container ended")


WAYS = [
    pytest.param(under_uvicorn, id="app"),
    pytest.param(emulated("process"), id="emulator"),
    pytest.param(emulated("lambda"), id="lambda", marks=LINUX_ONLY),
    pytest.param(container, id="container"),
]
