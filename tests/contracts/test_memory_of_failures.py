"""A failed request leaves memory with its answer, whatever failed, over HTTP and over gRPC.

The garbage collector is off, and the connections stay open: each keeps the record of its last
request, which must not hold the body.
"""

import gc
import gzip
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import grpc
import pytest

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving
from tests.support.two_ways import Way, running
from tests.support.worlds import settings_for, times

CONNECTIONS, SIZE = 4, 1 << 17
MOST_KEPT = SIZE // 2
"""Bytes that all connections together may keep: less than one body."""

NUMBERS = b"1," * (SIZE // 2)
BODIES = {
    "no JSON": b'{"inputs": [' + NUMBERS,
    "no UTF-8": b'{"inputs": ["' + NUMBERS + b'\xff"]}',
    "a ragged list": b'{"inputs": [[1, 2],' + NUMBERS + b"1]}",
    "no such input": b'{"inputs": {"other": [' + NUMBERS + b"1]}}",
    "a wrong shape": b'{"inputs": [[' + NUMBERS + b"1]]}",
    "an answer": b'{"inputs": [' + b"[1]," * (SIZE // 4) + b"[1]]}",
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    return settings_for(tmp_path_factory.mktemp("models"), {"m": {1: times(2)}})


@pytest.fixture(scope="module", params=[True, False], ids=["short way", "application"])
def way(request: pytest.FixtureRequest, settings: ServingSettings) -> Iterator[Way]:
    with running(settings, longest=4 * SIZE, short=request.param) as server:
        server.send(posted(b'{"inputs": [[1]]}'))  # the short way knows the route now
        yield server


@contextmanager
def counted() -> Iterator[list[int]]:
    """Collects how many bytes more are allocated after the block than before it."""
    kept: list[int] = []
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield kept
        for _ in range(100):  # the thread that predicted may still have its last request
            kept.append(tracemalloc.get_traced_memory()[0])
            if kept[-1] < MOST_KEPT:
                break
            time.sleep(0.05)
    finally:
        tracemalloc.stop()
        gc.enable()


def posted(body: bytes, more: str = "") -> bytes:
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\n{more}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answered(way: Way, opened: ExitStack, request: bytes) -> None:
    """Send a request on a connection that stays open, and read its answer."""
    connection = opened.enter_context(way.connect())
    connection.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1 << 16)
    head, _, rest = head.partition(b"\r\n\r\n")
    (length,) = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    left = int(length.partition(b":")[2]) - len(rest)
    while left:
        left -= len(connection.recv(1 << 16))
    way.lines.taken(1)


@pytest.mark.parametrize("name", [*BODIES, "gzip"])
def test_a_body_is_freed_with_its_answer(way: Way, name: str) -> None:
    body, more = BODIES.get(name, b""), ""
    if name == "gzip":
        body, more = gzip.compress(BODIES["a wrong shape"]), "content-encoding: gzip\r\n"
    with ExitStack() as opened:
        answered(way, opened, posted(body, more))  # whatever stays once
        with counted() as kept:
            for _ in range(CONNECTIONS):
                answered(way, opened, posted(body, more))
    assert kept[-1] < MOST_KEPT


def test_a_message_is_freed_with_its_status(settings: ServingSettings) -> None:
    request = message("inference.ModelInferRequest")(
        model_name="m",
        inputs=[{"name": "x", "datatype": "FP32", "shape": [1, 3]}],
        raw_input_contents=[bytes(SIZE)],
    )
    served = RpcServing(load_catalog(settings), Observability(settings), RpcLimits(4 * SIZE))
    with (
        Lanes(LaneLimits(threads=2)) as lanes,
        serving(served, "127.0.0.1:0", lanes) as port,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        sent = request.SerializeToString()

        def refused() -> None:
            with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
                call(sent)

        refused()
        with counted() as kept:
            for _ in range(CONNECTIONS):
                refused()
    assert kept[-1] < MOST_KEPT
