"""Measure what the proxy adds to an engine: for a tensor's answer, and for a stream's first token.

    python -m benchmarks.endpoint_path [--rounds 400]

The engine is a process of its own: the service's container with a model that is next to nothing, so
that what is added stands out, and a stream of tokens. It also answers SageMaker's own paths, so
nothing of an emulator is in the figures. Each round asks it directly, over a connection that is
kept, and through the proxy in this process: for a tensor from the event that goes into the Lambda
handler to the answer that comes out, for a stream from the request that goes into the application
to its first part. `processor` is what this process spends more, which other work on the machine
changes least.
"""

import argparse
import asyncio
import base64
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.endpoint_engine import LENGTH, SHAPE, write_models
from lading.functions.contract.invocation import proxy_event
from lading.functions.contract.settings import ServedEndpoint, ServedModel, ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.endpoint.predictor import BINARY
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.tensors.messages import encode
from lading.functions.inference.wire.asgi import Message

WARM = 30
TARGETS = {"tensor": (3.0, 10.0), "first token": (15.0, None)}
"""Milliseconds that may be added, at the median and at p99."""

CHAT = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()


def main() -> None:
    """Print a line for each path, and what the proxy adds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, _engine(Path(folder)) as port:
        settings = _settings(Path(folder), port)
        heads = ("engine p50", "p99", "ours p50", "p99", "added p50", "p99", "processor")
        print(" " * 12 + "".join(f"{head:>12}" for head in heads))
        body, size = encode({"x": np.zeros(SHAPE, np.float32)}, ["y"])
        _compare("tensor", rounds, _direct(port, body, size), _through(settings, body, size))
        first = _first_through(settings)
        _compare("first token", rounds // 4, _first_direct(port), first)


def _compare(what: str, rounds: int, alone: Callable[[], float], ours: Callable[[], float]) -> None:
    for _ in range(WARM):
        alone(), ours()
    times, processor = [], 0.0
    for _ in range(rounds):
        begun = process_time()
        direct = alone()
        between = process_time()
        times.append((direct, ours()))
        processor += (process_time() - between) - (between - begun)
    engine, proxied = (sorted(side) for side in zip(*times, strict=True))
    middle, high = (at(proxied) - at(engine) for at in (statistics.median, _p99))
    figures = (statistics.median(engine), _p99(engine), statistics.median(proxied), _p99(proxied))
    shown = (*figures, middle, high, processor / rounds * 1000)
    most, most_p99 = TARGETS[what]
    met = middle <= most and (most_p99 is None or high <= most_p99)
    line = "".join(f"{figure:>9.2f} ms" for figure in shown)
    print(f"{what:>12}{line}  {'met' if met else 'missed'}: {most:g} ms")


def _p99(times: list[float]) -> float:
    return times[int(len(times) * 0.99)]


def _direct(port: int, body: bytes, size: int) -> Callable[[], float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask() -> float:
        started = perf_counter()
        connection.request("POST", "/invocations", body, {"content-type": f"{BINARY}{size}"})
        answer = connection.getresponse()
        content = answer.read()
        took = perf_counter() - started
        assert answer.status == 200, content  # noqa: PLR2004
        return took * 1000

    return ask


def _through(settings: ServingSettings, body: bytes, size: int) -> Callable[[], float]:
    asyncio.set_event_loop(asyncio.new_event_loop())
    handler = create_handler(settings._replace(models=settings.models[:1]))
    headers = {LENGTH: str(size)}
    event = proxy_event("POST", "/tensor/v2/models/tensor/infer", headers, body)

    def ask() -> float:
        with redirect_stdout(StringIO()):
            started = perf_counter()
            answer = handler(event, None)
            took = perf_counter() - started
        assert answer["statusCode"] == 200, base64.b64decode(answer["body"])  # noqa: PLR2004
        return took * 1000

    return ask


def _first_direct(port: int) -> Callable[[], float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask() -> float:
        started = perf_counter()
        connection.request("POST", "/stream", CHAT, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read1(1 << 16)
        took = perf_counter() - started
        answer.read()
        return took * 1000

    return ask


def _first_through(settings: ServingSettings) -> Callable[[], float]:
    lanes = Lanes(LaneLimits(threads=1))
    app = create_app(load_catalog(settings._replace(models=settings.models[1:])), lanes=lanes)
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
    loop = asyncio.new_event_loop()

    async def exchange() -> float:
        first: list[float] = []
        waiting = asyncio.Event()
        messages: list[Message] = [{"type": "http.request", "body": CHAT}]

        async def receive() -> Message:
            if not messages:
                await waiting.wait()
            return messages.pop()

        async def send(message: Message) -> None:
            if message.get("body"):
                first.append(perf_counter())

        started = perf_counter()
        await app(dict(scope), receive, send)
        return (first[0] - started) * 1000

    return lambda: loop.run_until_complete(exchange())


@contextmanager
def _engine(folder: Path) -> Iterator[int]:
    """Run the engine as a process, and give its port."""
    write_models(folder)
    command = [sys.executable, "-m", "benchmarks.endpoint_engine", str(folder / "repository")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _settings(folder: Path, port: int) -> ServingSettings:
    """Return the settings of a proxy for the two models, with the engine in place of AWS."""
    here = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    os.environ |= {**here, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    models: Any = tuple(ServedModel(name, {1: ""}) for name in ("tensor", "chat"))
    return ServingSettings(models, str(folder), endpoint=ServedEndpoint("e"))


if __name__ == "__main__":
    main()
