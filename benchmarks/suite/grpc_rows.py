"""Target 5: gRPC, small requests as calls and as streams, and a picture in raw bytes."""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from benchmarks.suite import worlds
from benchmarks.suite.http2 import load_rpc
from benchmarks.suite.http_rows import MANY
from benchmarks.suite.processes import SERVERS, Running, Server, lading, serving
from benchmarks.suite.profile import SECONDS, profile
from benchmarks.suite.rates import WARM_UP_S, Plan
from benchmarks.suite.rows import Row, bounded, explained
from lading.functions.inference.rpc.messages import message

SMALL, RAW = 4500, 1500
"""Targets: requests a second."""

INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"


def rpc(plan: Plan) -> Iterator[Row]:
    """Measure our server, beside a constant answer over grpcio's threads."""
    digits, image = worlds.digits(worlds.BATCHED), worlds.image()
    request = _request("digits", "X", np.array([worlds.digit()], np.float32))
    with serving(lading(digits.root), plan.core) as running:
        answer = _answered(running.grpc, request)
        calls = _rate(running, INFER, request, answer, plan)
        streams = _rate(running, STREAM, request, _streamed(running.grpc, request), plan)
    limit = _constant(request, answer, plan)
    beside = f"a constant answer over threads {limit:,.0f}/s"
    for name, path, (rate, cpu_us) in (("calls", INFER, calls), ("streams", STREAM, streams)):
        figure, target = f"{rate:,.0f}/s (CPU {cpu_us:,.0f} us)", f"5 gRPC small, 16 {name}"
        row = bounded(target, "at least 4,500/s", figure, met=rate >= SMALL, note=beside)
        why = None if plan.quick else partial(_profile, digits, path, request)
        yield explained(row, why)
    request = _request("image", "x", worlds.picture())
    with serving(lading(image.root), plan.core) as running:
        answer = _answered(running.grpc, request)
        rate, cpu_us = _rate(running, INFER, request, answer, plan)
    figure = f"{rate:,.0f}/s (CPU {cpu_us:,.0f} us)"
    row = bounded("5 gRPC image raw", "at least 1,500/s", figure, met=rate >= RAW)
    yield explained(row, None if plan.quick else partial(_profile, image, INFER, request))


def _profile(world: worlds.World, path: str, request: bytes) -> str:
    """Return where our server spends its time."""

    def loading(running: Running) -> None:
        given = (_streamed if path == STREAM else _answered)(running.grpc, request)
        load_rpc(
            *(running.grpc, path, request, len(given)),
            at_once=MANY,
            seconds=SECONDS,
            streaming=path == STREAM,
        )

    return profile(lading(world.root), loading)


def _request(model: str, name: str, array: np.ndarray[Any, Any]) -> bytes:
    tensor = {"name": name, "datatype": "FP32", "shape": list(array.shape)}
    fields = {"model_name": model, "inputs": [tensor], "raw_input_contents": [array.tobytes()]}
    content: bytes = message("inference.ModelInferRequest")(**fields).SerializeToString()
    return content


def _answered(port: int, request: bytes) -> bytes:
    """Return the answer that a stock client gets."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=_UNBOUNDED) as channel:
        answer: bytes = channel.unary_unary(INFER)(request, timeout=30)
    return answer


def _streamed(port: int, request: bytes) -> bytes:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=_UNBOUNDED) as channel:
        (answer,) = channel.stream_stream(STREAM)(iter([request]), timeout=30)
    content: bytes = answer
    return content


_UNBOUNDED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def _rate(
    running: Running, path: str, request: bytes, answer: bytes, plan: Plan
) -> tuple[float, float]:
    """Return the median rate of the rounds, 16 requests at a time, and the CPU us of one."""
    before = running.cpu_s()
    found, count = [], 0
    for seconds in (WARM_UP_S, *[plan.seconds] * plan.rounds):
        answered = load_rpc(
            *(running.grpc, path, request, len(answer)),
            at_once=MANY,
            seconds=seconds,
            streaming=path == STREAM,
        )
        found.append(answered.rate)
        count += len(answered.times)
    return statistics.median(found[1:]), (running.cpu_s() - before) / max(count, 1) * 1e6


def _constant(request: bytes, answer: bytes, plan: Plan) -> float:
    """Return the calls per second of a server that always gives this answer."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(answer)
        command = (sys.executable, str(SERVERS / "constant_grpc.py"), "{grpc}", file.name)
        with serving(Server("constant-grpc", command, {}, ""), plan.core) as running:
            return _rate(running, INFER, request, answer, plan)[0]
