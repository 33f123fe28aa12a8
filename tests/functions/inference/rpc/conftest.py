"""A gRPC server on loopback, with the models that a test asks for."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from functions.inference.catalog import load_catalog
from functions.inference.observability import Observability
from functions.inference.rpc.messages import message, service
from functions.inference.rpc.server import create_server
from functions.inference.settings import Settings

LONGEST = 1 << 20

Call = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def serve() -> Iterator[Callable[[Settings], str]]:
    """Serves what settings name; the address of the server."""
    servers = []

    def start(settings: Settings) -> str:
        threads = ThreadPoolExecutor(2)
        server = create_server(
            load_catalog(settings), Observability(settings), threads, longest_body=LONGEST
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(0).wait()


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
