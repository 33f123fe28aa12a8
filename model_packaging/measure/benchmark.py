"""A short benchmark of a model on this machine, for report.json, which no identity covers."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from time import perf_counter
from typing import Any

import numpy as np

from lading.functions.inference.entry.processors import processors
from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.check.probes import Request
from lading.model_packaging.conversion import Session
from lading.model_packaging.measure.peak_memory import Footprint

SECONDS = 0.5
MAX_RUNS = 1000
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies of one model in this process, in milliseconds, and requests per second."""

    load_ms: float
    first_ms: float
    p50_ms: float
    p95_ms: float
    throughput: float
    runs: int


def time_model(
    model: bytes,
    request: Request,
    seconds: float = SECONDS,
    load: Callable[[bytes], Session] = OnnxSession,
) -> Latency:
    """Load a serialized model and time one request repeatedly.

    Args:
        model: the serialized ONNX model.
        request: the smallest request that the model accepts.
        seconds: how long to repeat it, at most `MAX_RUNS` times.
        load: loads it as it is served, with its processing steps.

    Raises:
        SessionError: onnxruntime cannot load or run it.
    """
    return time_loaded(lambda: load(model).run, request, seconds)


def time_loaded(
    load: Callable[[], Callable[[Request], Request]], request: Request, seconds: float = SECONDS
) -> Latency:
    """Load what answers requests, and time one repeatedly; see `time_model`."""
    start = perf_counter()
    run = load()
    loaded = perf_counter()
    run(dict(request))
    first = perf_counter()
    for _ in range(_WARM_UP):
        run(dict(request))
    times: list[float] = []
    begin = perf_counter()
    while not times or (len(times) < MAX_RUNS and perf_counter() - begin < seconds):
        before = perf_counter()
        run(dict(request))
        times.append(perf_counter() - before)
    p50, p95 = np.percentile(times, [50, 95])
    return Latency(
        load_ms=_ms(loaded - start),
        first_ms=_ms(first - loaded),
        p50_ms=_ms(p50),
        p95_ms=_ms(p95),
        throughput=round(len(times) / sum(times), 1),
        runs=len(times),
    )


def make_report(
    latency: Latency,
    footprint: Footprint,
    sizes: Mapping[str, int],
    stages: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the content of report.json: figures, sizes in bytes by name, machine and date (UTC).

    `stages` are the stages that changed the model, each with its figures.
    """
    return {
        "latency": asdict(latency),
        "footprint": asdict(footprint),
        "bytes": dict(sizes),
        "stages": list(stages),
        "machine": {
            "platform": platform.platform(),
            "processor": platform.machine(),
            "cpus": processors(),
            "python": platform.python_version(),
            "onnxruntime": version("onnxruntime"),
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _ms(seconds: float) -> float:
    return round(float(seconds) * 1e3, 4)
