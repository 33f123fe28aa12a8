"""The emulated SageMaker on a free port, with engines to put behind it."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from lading.emulator.engines.container_process import ContainerTimeouts, EngineProcess, Program
from lading.emulator.gateway.api import Access
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.endpoint import EndpointLimits, LocalEndpoint
from lading.emulator.sagemaker.runtime import SageMakerRuntime

CONTRARY = str(Path(__file__).with_name("contrary_engine.py"))
SESSION: Any = boto3.session.Session("test", "test", region_name="us-east-1")
QUICK = ContainerTimeouts(ping=5, start=60, stop=30)


def contrary(folder: Path, *habits: str, timeouts: ContainerTimeouts = QUICK) -> EngineProcess:
    """The tests' own engine, with these habits."""
    program = Program([sys.executable, "-I", "-S", CONTRARY, "serve"], {"HABITS": " ".join(habits)})
    return EngineProcess("e", program, folder / "engine.log", timeouts)


def endpoint(folder: Path, *habits: str, **settings: Any) -> LocalEndpoint:
    """An endpoint `e` in front of that engine."""
    return LocalEndpoint("e", contrary(folder, *habits), **settings)


def quick(**limits: float) -> EndpointLimits:
    return EndpointLimits(**{"seconds": 30.0, **limits})  # type: ignore[arg-type]  # two are whole numbers


@dataclass
class Served:
    """A running runtime: boto3's clients of it, and what it said of each request.

    A request is told of once its answer has left, so `accesses` is complete when serving has ended.
    """

    port: int
    accesses: list[Access] = field(default_factory=list)
    open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @cached_property
    def client(self) -> Any:
        return self._client("sagemaker-runtime")

    @cached_property
    def control(self) -> Any:
        return self._client("sagemaker")

    def invoke(self, body: bytes = b"{}", **more: Any) -> Any:
        answer = self.client.invoke_endpoint(EndpointName="e", Body=body, **more)
        return {**answer, "Body": answer["Body"].read()}

    def _client(self, service: str) -> Any:
        url = f"http://127.0.0.1:{self.port}"
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
        client = SESSION.client(service, endpoint_url=url, config=once)
        return self.open.enter_context(contextlib.closing(client))


@contextlib.contextmanager
def serving(*endpoints: LocalEndpoint) -> Iterator[Served]:
    accesses: list[Access] = []
    runtime = SageMakerRuntime(endpoints, accesses.append)
    with in_background(runtime, runtime) as port:
        served = Served(port, accesses)
        with served.open:
            yield served
