"""Where a server's processor time goes: samples of its Python frames while it is loaded.

    python -m benchmarks.suite.profile FILE MODULE [ARGUMENTS]

runs a module as `python -m` does, and writes the samples to FILE when it ends. A timer of processor
time interrupts every two milliseconds; what a library computes counts for the frame that called it.
"""

import json
import runpy
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from benchmarks.cold_start import SCRATCH
from benchmarks.load import load
from benchmarks.suite.processes import Running, Server, serving

EVERY_S = 0.002
SECONDS = 2.0
_STARTING = ("importlib.", "runpy.")
"""What only the start of the server runs."""
_MOST = 8
_IDLE = ("threading", "queue", "selectors", "thread", "concurrent.futures.thread._worker")


def callers_of(request: bytes, callers: int) -> Callable[[Running], object]:
    """Return the load of so many callers over HTTP."""
    return lambda running: load(running.port, request, callers, SECONDS)


def profile(server: Server, loading: Callable[[Running], object]) -> str:
    """Return the functions of one of our servers that use most time, with their shares.

    Args:
        server: ours; it is started again, on no core of its own.
        loading: loads it for about two seconds.
    """
    with TemporaryDirectory(dir=SCRATCH) as folder:
        file = Path(folder) / "samples.json"
        interpreter, flag, module, *arguments = server.command
        prefix = (interpreter, flag, "benchmarks.suite.profile", str(file), module)
        with serving(server._replace(command=(*prefix, *arguments)), None) as running:
            loading(running)
        found = json.loads(file.read_text())
    samples = {name: count for name, count in found.items() if not name.startswith(_STARTING)}
    total = sum(samples.values()) or 1
    ordered = sorted(samples.items(), key=lambda item: -item[1])[:_MOST]
    return ", ".join(f"{name} {count / total:.0%}" for name, count in ordered)


def main(file: str, module: str, *arguments: str) -> None:
    """Run a module, and write the samples when it ends."""
    samples: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        samples[_busiest(frame)] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(file).write_text(json.dumps(samples))


def _busiest(frame: FrameType | None) -> str:
    """Return the function of a thread that works, else that of the event loop."""
    own = threading.get_ident()
    others = [it for ident, it in sys._current_frames().items() if ident != own]  # noqa: SLF001
    working = [_name(it) for it in others]
    busy = [name for name in working if not name.startswith(_IDLE)]
    return busy[0] if busy else _name(frame)


def _name(frame: FrameType | None) -> str:
    if frame is None:
        return "unknown"
    module = str(frame.f_globals.get("__name__", ""))
    name = module.removeprefix("lading.functions.inference.")
    return f"{name}.{frame.f_code.co_name}"


if __name__ == "__main__":
    main(*sys.argv[1:])
