"""A gRPC server on loopback, with the models that a test asks for."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc.messages import message, service
from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving

LONGEST = 1 << 20

Call = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def serve() -> Iterator[Callable[[ServingSettings], str]]:
    """Serves what settings name; the address of the server."""
    with ExitStack() as stack:

        def start(settings: ServingSettings) -> str:
            lanes = stack.enter_context(Lanes(LaneLimits(threads=2)))
            limits = RpcLimits(LONGEST, grace_seconds=0)
            served = RpcServing(load_catalog(settings), Observability(settings), limits)
            return f"127.0.0.1:{stack.enter_context(serving(served, '127.0.0.1:0', lanes))}"

        yield start


@pytest.fixture
def call() -> Iterator[Callable[[str], Call]]:
    """Calls a method by its path with the fields of its request, without any stock client."""
    channels = []

    def connect(address: str) -> Call:
        channel = grpc.insecure_channel(address)
        channels.append(channel)

        def ask(path: str, fields: dict[str, Any]) -> Any:
            name, method = path.split("/")
            described = service(name).methods_by_name[method]
            request = message(described.input_type.full_name)(**fields)
            return channel.unary_unary(
                f"/{path}",
                request_serializer=lambda sent: sent.SerializeToString(),
                response_deserializer=message(described.output_type.full_name).FromString,
            )(request, timeout=20)

        return ask

    yield connect
    for channel in channels:
        channel.close()
