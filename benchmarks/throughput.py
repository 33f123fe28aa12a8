"""Measure requests per second: the container beside servers that teams write themselves.

    python -m benchmarks.throughput [--rounds 3] [--seconds 4]

Three servers, each one process of uvicorn with the same onnxruntime session, answer the same JSON
with the same numbers: `bare`, orjson and onnxruntime in the event loop; `framework`, FastAPI with a
typed body; and `lading`, the container with all its checks, a log line and metrics for each
request. `small` is one row of 64 numbers, `image` a tensor of 1x3x224x224. Callers ask again as
soon as they are answered. Each round starts and asks all of them; the server's process is pinned to
one core, this one to another.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from benchmarks.cold_start import starting_on
from benchmarks.load import load, post
from lading.emulator.processes.ports import free_port

SERVERS = Path(__file__).parent / "servers"
CALLERS = (1, 16)
Figures = dict[tuple[str, int, str], list[list[float]]]
"""Case, callers and server -> the seconds of each answer, by round."""

WARM_UP_S = 0.5
READY_S = 30


@dataclass(frozen=True, slots=True)
class Case:
    """A model, and the tensor of its requests."""

    name: str
    shape: tuple[int, ...]

    def body(self) -> bytes:
        """Return the JSON body that every server gets."""
        tensor = np.random.default_rng(0).random(self.shape).round(4)
        return json.dumps({"inputs": tensor.tolist()}).encode()


CASES = (Case("small", (1, 64)), Case("image", (1, 3, 224, 224)))
NAMES = ("bare", "framework", "lading")


def main() -> None:
    """Print a table: requests per second, and the median and p99 time of an answer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    arguments = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("processes are pinned to cores, which needs Linux")
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            write_model(Path(folder), case)
        for case, _, name in product(CASES, range(arguments.rounds), NAMES):
            print(f"{case.name:6} {name:10}", end="\r", file=sys.stderr, flush=True)
            with serving(name, case, Path(folder), cores[-1]) as port:
                for callers in CALLERS:
                    times = _ask(port, case, callers, arguments.seconds)
                    figures.setdefault((case.name, callers, name), []).append(times)
    _report(figures, arguments.seconds)


def _ask(port: int, case: Case, callers: int, seconds: float) -> list[float]:
    request = post("/predict", case.body())
    load(port, request, callers, WARM_UP_S)
    return load(port, request, callers, seconds)


def write_model(folder: Path, case: Case) -> None:
    """Return a tiny model, `y = x @ w` of 64 numbers, so that the servers' own time is visible."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *case.shape[1:]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])
    weights = np.random.default_rng(1).random((64, 10), np.float32)
    constants = [
        helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel()),
        *(helper.make_tensor(n, TensorProto.INT64, [1], [at]) for n, at in (("b", 0), ("e", 64))),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Slice", ["flat", "b", "e", "axis"], ["few"]),
        helper.make_node("MatMul", ["few", "w"], ["y"]),
    ]
    graph = helper.make_graph(nodes, case.name, [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    place = folder / case.name / "model" / "1"
    place.mkdir(parents=True)
    onnx.save(model, place / "model.onnx")


@contextmanager
def serving(name: str, case: Case, folder: Path, core: int) -> Iterator[int]:
    """Run a server on a separate core, and give its port when it is ready."""
    port = free_port()
    theirs = ["uvicorn", "--log-level", "warning", "--app-dir", str(SERVERS), f"{name}:app"]
    ours = ["lading.functions.inference.entry.container", "serve"]
    module = ours if name == "lading" else [*theirs, "--port", str(port), "--no-access-log"]
    environment = _environment(folder, case, port)
    with (folder / "log").open("wb") as log, starting_on(core):
        process = subprocess.Popen([sys.executable, "-m", *module], env=environment, stdout=log)
    try:
        _wait(port, case)
        yield port
    finally:
        process.terminate()
        process.wait()


def _environment(folder: Path, case: Case, port: int) -> Mapping[str, str]:
    return {
        **os.environ,
        "MODEL": str(folder / case.name / "model" / "1" / "model.onnx"),
        "LADING_MODEL_ROOT": str(folder / case.name),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "LADING_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def _wait(port: int, case: Case) -> None:
    ends = time.monotonic() + READY_S
    while True:
        try:
            load(port, post("/predict", case.body()), 1, 0)
        except ConnectionError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
        else:
            return


def _report(figures: Figures, seconds: float) -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}, ", end="")
    print(f"onnxruntime {version('onnxruntime')}, uvicorn {version('uvicorn')}, pinned to one core")
    print("answers per second; milliseconds to an answer, median and p99\n")
    print(f"{'':18}{''.join(f'{name:>28}' for name in NAMES)}{'/bare':>8}{'/framework':>12}")
    for case, callers in product(CASES, CALLERS):
        rounds = [figures[case.name, callers, name] for name in NAMES]
        rates = [statistics.median(len(times) / seconds for times in each) for each in rounds]
        cells = "".join(map(_cell, rates, rounds))
        bare, framework = (rates[-1] / rate for rate in rates[:-1])
        print(f"{case.name:6}{callers:>3} callers{cells}{bare:7.2f}x{framework:11.2f}x")


def _cell(rate: float, rounds: list[list[float]]) -> str:
    times = sorted(time for each in rounds for time in each)
    middle, high = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    return f"{f'{rate:,.0f}/s {middle:.2f}, {high:.2f} ms':>28}"


if __name__ == "__main__":
    main()
