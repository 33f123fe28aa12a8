"""Measures memory and time on one processor for serving a model, in a separate process.

The packaging process has loaded more than a function ever does. `python -m
lading.model_packaging.measure.peak_memory` is the child: it reads the models of all signatures and
a request, loads and runs them as the service does, and prints its figures as JSON.
"""

import io
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import numpy as np

from lading.functions.inference.artifact.specification import NativeSection
from lading.functions.inference.models.predictor import Backend
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.native.runtimes import load
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import PackagingError

_SECONDS, _MOST_RUNS = 0.3, 200
TIMEOUT = 600
"""Seconds that a measurement may take."""
_LENGTH_BYTES = 8
_STATUS = Path("/proc/self/status")
_KIB = 1024


class MeasurementFailed(PackagingError):
    """The process that measures a model was killed or failed.

    Remedy: package the model on a machine with more memory, or with less load.
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"model '{model}' could not be measured: {reason}; package it on a machine with more "
            "memory, or with less load"
        )
        self.model, self.reason = model, reason


@dataclass(frozen=True, slots=True)
class Footprint:
    """Peak memory in bytes of a process that serves the model, and the median time of one request.

    `request_bytes` is the size of the arrays of that request and its answer.
    """

    peak_bytes: int
    one_processor_ms: float
    request_bytes: int


def measure(
    name: str,
    models: Sequence[bytes],
    request: Mapping[str, Array],
    native: NativeSection | None = None,
) -> Footprint:
    """Load models in a separate process, and let the first answer a request repeatedly.

    Args:
        name: the model's name, for errors.
        models: the ONNX models of all signatures, or the one file of a model that is not converted.
        request: an array for each input.
        native: what computes a model that is not converted.

    Raises:
        MeasurementFailed: the process failed, or was killed for lack of memory or time.
    """
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, **{key: plain(it) for key, it in request.items()})
    section = json.dumps(native.to_json() if native else None).encode()
    counts = (len(models) + 1, len(section), *map(len, models))
    head = b"".join(count.to_bytes(_LENGTH_BYTES, "little") for count in counts)
    given = b"".join([head, section, *models, arrays.getvalue()])
    command = [sys.executable, "-m", "lading.model_packaging.measure.peak_memory"]
    try:
        ended = subprocess.run(
            command, input=given, capture_output=True, timeout=TIMEOUT, check=True
        )
        return Footprint(**json.loads(ended.stdout))
    except subprocess.SubprocessError as error:
        raise failure_of(name, error) from error


def failure_of(name: str, error: subprocess.SubprocessError) -> MeasurementFailed:
    """Return why the process of a measurement failed, by the last line that it wrote."""
    output = getattr(error, "stderr", None) or b""
    last = output.decode(errors="replace").strip().rpartition("\n")[2]
    return MeasurementFailed(name, last or str(error))


def plain(array: Array) -> Array:
    """Return texts as an array that needs no pickling."""
    return array.astype(np.bytes_) if array.dtype == np.object_ else array


def _serve(stream: BinaryIO) -> Footprint:
    """Measure what the stream has, in the child process."""
    lengths = [_count(stream) for _ in range(_count(stream))]
    section, *models = [stream.read(length) for length in lengths]  # a service holds them, too
    document = json.loads(section)
    native = NativeSection.from_json(document) if document else None
    session, *_others = [_opened(model, native) for model in models]
    with np.load(io.BytesIO(stream.read()), allow_pickle=False) as arrays:
        request = {name: text(arrays[name]) for name in arrays.files}
    return repeated(session.run, request)


def _opened(model: bytes, native: NativeSection | None) -> Backend:
    return load(native, model, 1) if native else OnnxSession(model, 1)


def repeated(
    model: Callable[[dict[str, Array]], Mapping[str, Array]], request: Mapping[str, Array]
) -> Footprint:
    """Let a loaded model answer a request repeatedly, and return this process's figures."""
    answer = model(dict(request))
    times: list[float] = []
    begin = perf_counter()
    while not times or (len(times) < _MOST_RUNS and perf_counter() - begin < _SECONDS):
        before = perf_counter()
        model(dict(request))
        times.append(perf_counter() - before)
    size = sum(array.nbytes for array in (*request.values(), *answer.values()))
    return Footprint(_peak(), round(float(np.median(times)) * 1e3, 4), size)


def _count(stream: BinaryIO) -> int:
    return int.from_bytes(stream.read(_LENGTH_BYTES), "little")


def text(array: Array) -> Array:
    """Return the inverse of `plain`."""
    return array.astype(np.object_) if array.dtype.kind == "S" else array


def _peak() -> int:
    """Return the peak memory of this process; on Linux, without that of its parent."""
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * _KIB
    unit = 1 if sys.platform == "darwin" else _KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    found = _serve(sys.stdin.buffer)
    fields = {name: getattr(found, name) for name in Footprint.__slots__}
    sys.stdout.write(json.dumps(fields))
