"""A container with one worker beside the same with several: answers a second, and memory.

    python -m benchmarks.workers .lading/bench/minilm --body '{"inputs": ["a text"]}'

The folder holds `models/<name>/<version>`, of one model. Each round starts both, one after the
other, and sends requests over kept connections; the model has one thread. The figures are medians.
`processor` is the milliseconds of processor time for an answer, which other load hardly changes;
`memory` is the proportional set size of all processes (each shared page counts once in all), and
`further` is what a further worker adds to it. Needs a processor for each worker and one more.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple

from lading.emulator.processes.ports import free_port

_TICKS = os.sysconf("SC_CLK_TCK")
_STARTING_S = 60


class Figures(NamedTuple):
    """One run: answers a second, milliseconds of processor time for an answer, and MiB."""

    answers: float
    processor: float
    memory: float


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    runs: dict[int, list[Figures]] = {1: [], arguments.workers: []}
    for _ in range(arguments.rounds):
        for workers, figures in runs.items():
            figures.append(_measure(arguments, workers))
    medians = {
        workers: Figures(*map(median, zip(*figures, strict=True)))
        for workers, figures in runs.items()
    }
    print(f"{'workers':8}{'answers/s':>12}{'processor':>12}{'memory':>12}{'further':>12}")
    one = medians[1]
    for workers, each in medians.items():
        further = (each.memory - one.memory) / max(workers - 1, 1)
        cells = (f"{each.answers:.0f}", f"{each.processor:.2f} ms", f"{each.memory:.1f} MiB")
        print(f"{workers:<8}{''.join(f'{cell:>12}' for cell in cells)}{further:8.1f} MiB")
    print(f"{medians[arguments.workers].answers / one.answers:.2f}x the answers of one worker")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds models/<name>/<version>")
    parser.add_argument("--body", required=True, help="what is posted to /predict")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, workers: int) -> Figures:
    with _serving(arguments.folder, workers) as (parent, port):
        processes = [parent, *_children(parent)]
        before = sum(map(_processor_seconds, processes))
        with ThreadPoolExecutor(arguments.connections) as callers:
            ending = perf_counter() + arguments.seconds
            counts = [
                callers.submit(_ask, port, arguments.body, ending)
                for _ in range(arguments.connections)
            ]
            answers = sum(count.result() for count in counts)
        spent = sum(map(_processor_seconds, processes)) - before
        memory = sum(map(_proportional_mib, processes))
        return Figures(answers / arguments.seconds, spent / answers * 1000, memory)


@contextmanager
def _serving(folder: Path, workers: int) -> Iterator[tuple[int, int]]:
    """Start a container, and yield its process and its port once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "lading.functions.inference.entry.container", "serve"]
    environment = {
        "PATH": os.defpath,
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "LADING_MODEL_ROOT": str(folder.resolve()),
        "LADING_WORKERS": str(workers),
        "LADING_THREADS": "1",
    }
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield process.pid, port
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    ending = perf_counter() + _STARTING_S
    while perf_counter() < ending and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", "/ping")
            connection.getresponse().read()
        except OSError:
            sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise RuntimeError("the container does not answer")


def _ask(port: int, body: str, ending: float) -> int:
    """Send one request after the other until `ending`, and return how many were answered."""
    connection, count = HTTPConnection("127.0.0.1", port), 0
    while perf_counter() < ending:
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:  # noqa: PLR2004 HTTP's word for an answer
            raise RuntimeError(answer.decode())
        count += 1
    connection.close()
    return count


def _children(process: int) -> Sequence[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def _processor_seconds(process: int) -> float:
    """Return the processor time that a process has had since its start."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _proportional_mib(process: int) -> float:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main()
