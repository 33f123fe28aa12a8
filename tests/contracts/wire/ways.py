"""Every way of serving, behind one address: the same clients must find the same service.

The deployed one is asked the same in `tests/end_to_end/test_every_dialect_in_the_cloud.py`.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from onnx import TensorProto

from lading.api.caller import Caller
from lading.api.remote_models import Api, RemoteCatalog
from lading.emulator.function.runtimes import Runtime, create_function
from lading.emulator.grpc_server import serving_grpc
from lading.emulator.processes.ports import free_port
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.entry.http_server import Listening
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.observability.log import Observability
from tests.emulator.harness import LINUX_ONLY, ROOT, serving
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.waiting import until_it_answers
from tests.support.worlds import FLOAT, HALF, STRING, add_sub, brain_doubled, echo, of_tokens, times

MODELS = {
    "floats": {1: echo(), 2: echo()},
    "doubled": {1: times(2), 2: times(4)},
    "simple": {1: add_sub()},
    "text": {1: echo(STRING, ["n"])},
    "strings_2d": {1: echo(STRING, ["n", 2])},
    "flags": {1: echo(TensorProto.BOOL, ["n", 2])},
    "integers": {1: echo(TensorProto.INT64, ["n"])},
    "halves": {1: echo(HALF)},
    "brains": {1: brain_doubled()},
    "scalar": {1: echo(FLOAT, [])},
    "column": {1: echo(FLOAT, ["n", 1])},
    "tokens": {1: of_tokens()},
}
"""What is served, whatever the way."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where `MODELS` answer, and who may ask there."""

    address: str
    """`host:port`, and the path behind it where there is one."""
    token: str = ""
    deployed: bool = False
    """Whether each model is a function, which serves its stable version alone, behind the front."""

    @property
    def versions(self) -> list[str]:
        """Of a model that has two."""
        return ["1"] if self.deployed else ["1", "2"]

    @property
    def headers(self) -> dict[str, str]:
        """What each request must say."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


Way = Callable[[ServingSettings], AbstractContextManager[str]]


@contextlib.contextmanager
def under_uvicorn(settings: ServingSettings) -> Iterator[str]:
    """The application by itself, which answers in threads."""
    with (
        (Path(settings.model_root) / "app.log").open("w") as log,
        Lanes(LaneLimits(threads=4)) as lanes,
    ):
        app = create_app(load_catalog(settings), lanes=lanes)
        with uvicorn_serving(Observability(settings, output=log).served(app)) as address:
            yield address


def emulated(runtime: Runtime) -> Way:
    """`lading serve`: the Lambda handler behind the emulated API Gateway."""

    @contextlib.contextmanager
    def way(settings: ServingSettings) -> Iterator[str]:
        log = Path(settings.model_root) / f"{runtime}.log"
        variables = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
        function = create_function(runtime, settings, log=log, variables=variables)
        with serving(function) as served:
            yield f"127.0.0.1:{served.port}"

    return way


@contextlib.contextmanager
def container(settings: ServingSettings, **variables: str) -> Iterator[str]:
    """The container's own process."""
    port = free_port()
    told = {**settings.to_environment(), **variables, "SAGEMAKER_BIND_TO_PORT": str(port)}
    with _running(port, told, "lading.functions.inference.entry.container", "serve"):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def web_adapter(settings: ServingSettings) -> Iterator[str]:
    """The process that streams: on Lambda it stands behind the Lambda Web Adapter."""
    port = free_port()
    told = {**settings.to_environment(), "AWS_LWA_PORT": str(port)}
    with _running(port, told, "lading.functions.inference.entry.web_adapter"):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def _running(port: int, told: Mapping[str, str], module: str, *arguments: str) -> Iterator[None]:
    command = [sys.executable, "-m", module, *arguments]
    environment = {**os.environ, **told}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            until_it_answers(process, f"http://127.0.0.1:{port}/ping")
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def grpc_beside_the_emulator(settings: ServingSettings) -> Iterator[str]:
    """`lading serve --grpc-port`."""
    with _speaking_grpc(load_catalog(settings), Path(settings.model_root)) as address:
        yield address


@contextlib.contextmanager
def grpc_of_the_container(settings: ServingSettings) -> Iterator[str]:
    """The container's own, on a port beside that of HTTP."""
    port = free_port()
    with container(settings, LADING_GRPC_PORT=str(port)):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def grpc_through_the_proxy(settings: ServingSettings) -> Iterator[str]:
    """`lading grpc-proxy` in front of an API that speaks HTTP alone."""
    with (
        emulated("process")(settings) as address,
        proxied(Served(address), Path(settings.model_root)) as spoken,
    ):
        yield spoken


@contextlib.contextmanager
def proxied(served: Served, folder: Path) -> Iterator[str]:
    """The address of a proxy to what is served; its log goes into `folder`."""
    api = Api(f"http://{served.address}", Caller(served.token or None))
    with _speaking_grpc(RemoteCatalog(api), folder) as address:
        yield address


@contextlib.contextmanager
def _speaking_grpc(catalog: Catalog, folder: Path) -> Iterator[str]:
    with serving_grpc(catalog, Listening(), log=folder / "grpc.log") as port:
        yield f"127.0.0.1:{port}"


WAYS = [
    pytest.param(under_uvicorn, id="app"),
    pytest.param(emulated("process"), id="emulator"),
    pytest.param(emulated("lambda"), id="lambda", marks=LINUX_ONLY),
    pytest.param(container, id="container"),
]

STREAMING_WAYS = [
    pytest.param(under_uvicorn, id="app"),
    pytest.param(web_adapter, id="web adapter"),
]
WAYS_TO_AN_ENDPOINT = [*STREAMING_WAYS, *WAYS[1:3]]
"""Of a proxy; the emulated gateway gives a stream back whole."""

GRPC_WAYS = [
    pytest.param(grpc_beside_the_emulator, id="emulator"),
    pytest.param(grpc_of_the_container, id="container"),
    pytest.param(grpc_through_the_proxy, id="proxy"),
]
