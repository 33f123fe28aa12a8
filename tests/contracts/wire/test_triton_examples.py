"""Triton's own example clients, unmodified, against models with the signatures they expect.

The scripts are those of github.com/triton-inference-server/client, `src/python/examples`. They are
in no package, so whoever has them names their folder in `LADING_TRITON_EXAMPLES`; elsewhere this
is skipped. Two are left out: `simple_http_model_control.py` overrides a model's configuration, and
a packaged model is served as it was packaged; `simple_http_health_metadata.py` insists that the
server is called "triton", and it is not. Over gRPC the `grpc_explicit_*` ones are left out: they
send typed contents and read raw ones, and an answer has the form of its request, as KServe has it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from onnx import NodeProto, TensorProto, helper

from tests.contracts.wire.ways import GRPC_WAYS, WAYS, Way
from tests.support.worlds import STRING, echo_named, onnx_model, settings_for

EXAMPLES = os.environ.get("LADING_TRITON_EXAMPLES")
INT32 = TensorProto.INT32
PAIR = ("INPUT0", "INPUT1")

pytestmark = pytest.mark.skipif(not EXAMPLES, reason="LADING_TRITON_EXAMPLES names no folder")


def simple() -> bytes:
    """Triton's `simple`: sum and difference of two rows of 16 integers."""
    at = (INT32, ["batch", 16])
    return onnx_model(
        dict.fromkeys(PAIR, at), {"OUTPUT0": at, "OUTPUT1": at}, *_sum_and_difference(*PAIR)
    )


def simple_string() -> bytes:
    """Triton's `simple_string`: the same of numbers written out."""
    at = (STRING, ["batch", 16])
    read = [helper.make_node("Cast", [name], [f"n{name}"], to=INT32) for name in PAIR]
    written = [
        helper.make_node("Cast", [f"n{name}"], [name], to=STRING) for name in ("OUTPUT0", "OUTPUT1")
    ]
    computed = _sum_and_difference("nINPUT0", "nINPUT1", "n")
    return onnx_model(
        dict.fromkeys(PAIR, at), {"OUTPUT0": at, "OUTPUT1": at}, *read, *computed, *written
    )


def _sum_and_difference(a: str, b: str, prefix: str = "") -> tuple[NodeProto, NodeProto]:
    return (
        helper.make_node("Add", [a, b], [f"{prefix}OUTPUT0"]),
        helper.make_node("Sub", [a, b], [f"{prefix}OUTPUT1"]),
    )


MODELS = {
    "simple": {1: simple()},
    "simple_string": {1: simple_string()},
    "simple_identity": {1: echo_named("INPUT0", "OUTPUT0", STRING, ["batch", 16])},
}


@pytest.fixture(scope="module", params=WAYS)
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    way: Way = request.param
    with way(settings_for(tmp_path_factory.mktemp("store"), MODELS)) as served:
        yield served


@pytest.fixture(scope="module", params=GRPC_WAYS)
def grpc_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    way: Way = request.param
    with way(settings_for(tmp_path_factory.mktemp("store"), MODELS)) as served:
        yield served


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ("simple_http_infer_client.py", ""),
        ("simple_http_infer_client.py", "--request-compression-algorithm=gzip"),
        ("simple_http_infer_client.py", "--response-compression-algorithm=deflate"),
        ("simple_http_aio_infer_client.py", "--request-compression-algorithm=deflate"),
        ("simple_http_async_infer_client.py", ""),
        ("simple_http_string_infer_client.py", ""),
    ],
)
def test_an_example_passes(address: str, example: str, words: str) -> None:
    run(example, address, *words.split())


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ("simple_grpc_infer_client.py", ""),
        ("simple_grpc_infer_client.py", "--grpc-compression-algorithm=gzip"),
        ("simple_grpc_aio_infer_client.py", ""),
        ("simple_grpc_async_infer_client.py", ""),
        ("simple_grpc_string_infer_client.py", ""),
        ("simple_grpc_keepalive_client.py", ""),
        ("simple_grpc_custom_args_client.py", ""),
    ],
)
def test_an_example_that_speaks_grpc_passes(grpc_address: str, example: str, words: str) -> None:
    run(example, grpc_address, *words.split())


def run(example: str, address: str, *words: str) -> None:
    command = [sys.executable, str(Path(EXAMPLES or "") / example), "-u", address, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
