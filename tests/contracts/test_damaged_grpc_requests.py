"""Damage of every kind to a request of either gRPC protocol: its status, and no harm done.

The dialects over HTTP have theirs in `test_damaged_requests.py`. Bytes that are no message never
reach a service: gRPC's own library answers INTERNAL, as it does for every server.
"""

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving
from tests.contracts.damage import (
    DATATYPE,
    FRAMING,
    HUGE,
    LENGTHS,
    LONGEST,
    NESTING,
    NONE,
    OVERFLOW,
    REPEATS,
    TWICE,
    TWO,
    UTF8,
)
from tests.support.worlds import echo, settings_for

METADATA = "metadata too large"
TOO_LONG = "a message too long"
GROUPS = b"\x93\x06" * 10_000
"""As many groups as bytes, each in the one before, of a field that no message has."""

Message = dict[str, Any]
Calls = Callable[..., bytes]


@dataclass(frozen=True)
class Protocol:
    """A method, a good request of it, and what may be wrong with one: a message, or bytes."""

    method: str
    request: str
    good: Message
    damage: Mapping[str, Message | bytes]


def triton(*inputs: Message, **rest: Any) -> Message:
    return {"model_name": "m", "inputs": inputs, **rest}


def tensor(**changes: Any) -> Message:
    usual = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
    return {**usual, "contents": {"fp32_contents": [1, 2]}, **changes}


def bare(**changes: Any) -> Message:
    return {"name": "x", "datatype": "FP32", "shape": [1, 2], **changes}


def serving_tensor(*shape: int, name: str = "x", **fields: Any) -> Message:
    usual = fields or {"float_val": [1, 2]}
    sizes = {"dim": [{"size": size} for size in shape or (1, 2)]}
    proto = {"dtype": "DT_FLOAT", "tensor_shape": sizes, **usual}
    return {"model_spec": {"name": "m"}, "inputs": {name: proto}}


COMPLEX = 8
"""Of TensorFlow's datatypes; not served."""

WORDS = {UTF8: b"\x0a\x01\xff", FRAMING: b"\x0a\x7f", NESTING: GROUPS, TOO_LONG: bytes(LONGEST + 1)}

PROTOCOLS = {
    "Open Inference": Protocol(
        "inference.GRPCInferenceService/ModelInfer",
        "inference.ModelInferRequest",
        triton(tensor()),
        {
            **WORDS,
            LENGTHS: triton(tensor(shape=[1, 3])),
            TWO: triton(tensor(), raw_input_contents=[bytes(8)]),
            NONE: triton(bare()),
            DATATYPE: triton(tensor(datatype="FP31")),
            OVERFLOW: triton(tensor(shape=[HUGE, HUGE])),
            TWICE: triton(tensor(), tensor()),
            REPEATS: triton(bare(shape=[HUGE, 0]), raw_input_contents=[b""]),
        },
    ),
    "TensorFlow Serving": Protocol(
        "tensorflow.serving.PredictionService/Predict",
        "tensorflow.serving.PredictRequest",
        serving_tensor(),
        {
            **WORDS,
            UTF8: b"\x0a\x03\x0a\x01\xff",
            LENGTHS: serving_tensor(1, 2, float_val=[1, 2, 3]),
            NONE: serving_tensor(1, 2, tensor_content=b""),
            DATATYPE: serving_tensor(dtype=COMPLEX),
            OVERFLOW: serving_tensor(HUGE, HUGE),
            REPEATS: serving_tensor(1 << 25, 1),
        },
    ),
}
CELLS = [(name, kind) for name, known in PROTOCOLS.items() for kind in (*known.damage, METADATA)]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    """Sends bytes to a method of a server."""
    root = tmp_path_factory.mktemp("models")
    settings = settings_for(root, {"m": {1: echo()}})
    with (
        (root / "log").open("w") as log,
        Lanes(LaneLimits(threads=2)) as lanes,
        serving(
            RpcServing(
                load_catalog(settings), Observability(settings, output=log), RpcLimits(LONGEST, 0)
            ),
            "127.0.0.1:0",
            lanes,
        ) as port,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):

        def call(method: str, sent: bytes, **metadata: str) -> bytes:
            said = list(metadata.items())
            return bytes(channel.unary_unary(f"/{method}")(sent, metadata=said, timeout=60))

        yield call


def refused(calls: Calls, protocol: Protocol, kind: str) -> tuple[str, str]:
    """The code and the text of what damage of this kind gets."""
    sent = protocol.damage.get(kind, b"")
    content = sent if isinstance(sent, bytes) else written(protocol, sent)
    metadata = {"x": "a" * 100_000} if kind == METADATA else {}
    with pytest.raises(grpc.RpcError) as caught:
        calls(protocol.method, content, **metadata)
    return caught.value.code().name, caught.value.details()


def written(protocol: Protocol, fields: Message) -> bytes:
    return bytes(message(protocol.request)(**fields).SerializeToString())


@pytest.mark.parametrize(("name", "kind"), CELLS)
def test_damage_has_its_status_and_harms_nothing(calls: Calls, name: str, kind: str) -> None:
    protocol = PROTOCOLS[name]
    bounded = {METADATA: "RESOURCE_EXHAUSTED", TOO_LONG: "RESOURCE_EXHAUSTED"}
    expected = bounded.get(kind, "INVALID_ARGUMENT")
    code, text = refused(calls, protocol, kind)
    assert (code, bool(text)) == (expected, True), text
    assert calls(protocol.method, written(protocol, protocol.good))


@pytest.mark.parametrize(("name", "kind"), CELLS)
def test_damage_takes_memory_by_the_length_of_its_request_alone(
    calls: Calls, name: str, kind: str
) -> None:
    protocol = PROTOCOLS[name]
    refused(calls, protocol, kind)
    tracemalloc.start()
    try:
        refused(calls, protocol, kind)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < (4 * LONGEST if kind == TOO_LONG else LONGEST // 2)


def test_raw_content_counts_beside_typed_elements_as_for_tensorflow(calls: Calls) -> None:
    protocol = PROTOCOLS["TensorFlow Serving"]
    both = serving_tensor(1, 2, tensor_content=bytes(8), float_val=[1, 2])
    answer = message("tensorflow.serving.PredictResponse").FromString(
        calls(protocol.method, written(protocol, both))
    )
    assert answer.outputs["y"].tensor_content == bytes(8)
