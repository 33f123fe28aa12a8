"""Target 8, processes that share a port, and target 9, the processor time of packaging."""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cold_start import SCRATCH
from benchmarks.load import load, post
from benchmarks.suite import worlds
from benchmarks.suite.http_rows import MANY
from benchmarks.suite.processes import lading, serving
from benchmarks.suite.rates import Plan
from benchmarks.suite.rows import Row, absent, at_least, at_most
from lading.functions.contract.names import CONTAINER

NO_WEIGHTS = "its weights are not installed; run `make frameworks`"
WORKERS = "LADING_WORKERS"
_OURS = """
import sys
from pathlib import Path
from benchmarks.suite.worlds import minilm_spec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
package(minilm_spec(), LocalStore(Path(sys.argv[1])), Path(sys.argv[1], "models.lock.json"))
"""
_OPTIMUM = """
import sys
from benchmarks.suite.worlds import minilm_spec
from optimum.onnxruntime import ORTModelForFeatureExtraction, ORTQuantizer
from optimum.onnxruntime.configuration import AutoQuantizationConfig
source = str(minilm_spec().source)
ORTModelForFeatureExtraction.from_pretrained(source, export=True).save_pretrained(sys.argv[1])
settings = AutoQuantizationConfig.avx2(is_static=False)
ORTQuantizer.from_pretrained(sys.argv[1]).quantize(settings, sys.argv[1])
"""


def workers(plan: Plan) -> Iterator[Row]:
    """Two processes on two cores against one; these servers and the callers are not pinned."""
    world = worlds.minilm(worlds.UNBATCHED)
    if world is None or WORKERS not in vars(CONTAINER).values():
        yield absent("8 processes, MiniLM", NO_WEIGHTS if world is None else f"no {WORKERS} yet")
        return
    request = post("/predict", json.dumps({"inputs": [worlds.SENTENCE]}).encode())
    own, cores = os.sched_getaffinity(0), range(os.cpu_count() or 1)
    os.sched_setaffinity(0, cores)
    found: dict[int, list[float]] = {1: [], 2: []}
    memory: dict[int, float] = {}
    try:
        for _ in range(plan.rounds):
            for count, figures in found.items():
                server = lading(world.root, **{WORKERS: str(count)})
                with serving(server, None) as running:
                    load(running.port, request, MANY, 0.4)
                    figures.append(load(running.port, request, MANY, plan.seconds).rate)
                    memory[count] = running.pss_mib()
    finally:
        os.sched_setaffinity(0, own)
    one, two = (statistics.median(figures) for figures in found.values())
    note = f"PSS of all processes: {memory[2]:.0f} MiB, with one worker {memory[1]:.0f}"
    yield at_least("8 processes, MiniLM", f"{two:,.0f}/s, one {one:,.0f}/s", two / one, 1.6, note)


def packaging(plan: Plan) -> Iterator[Row]:
    """Processor seconds of MiniLM from its folder, all of packaging, beside optimum's export."""
    if plan.quick:
        yield absent("9 packaging MiniLM", "left out of a quick run")
        return
    if worlds.minilm() is None:
        yield absent("9 packaging MiniLM", NO_WEIGHTS)
        return
    ours, error = _spent(_OURS, {})
    figure = f"{ours:.1f} CPU s with check, gate and benchmark"
    others, error = _spent(_OPTIMUM, {"PYTHONPATH": str(_optimum())}) if not error else (0, error)
    if error:
        yield Row("9 packaging MiniLM", "", figure, note=f"optimum does not run here: {error}")
        return
    note = f"optimum {others:.1f} CPU s, of which nothing is a check; we may use 8 s for that"
    yield at_most("9 packaging MiniLM", figure, (ours - 8) / others, 1.2, note)


def _optimum() -> Path:
    """Install optimum beside our own packages, which have what it requires; return its folder."""
    folder = SCRATCH / "peers" / "optimum"
    if not folder.exists():
        print("installing optimum, once ...", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", str(folder)]
        pins = ["optimum==2.1.0", "optimum-onnx==0.1.0"]
        subprocess.run([*pip, *pins], check=False, capture_output=True, timeout=200)
    return folder


def _spent(code: str, environment: Mapping[str, str]) -> tuple[float, str]:
    """Return the processor seconds of a process that runs `code`, or its error's last line."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join((root, *environment.values()))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with TemporaryDirectory(dir=SCRATCH) as folder:
        finished = subprocess.run(
            [sys.executable, "-c", code, folder],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            timeout=400,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = finished.stderr.strip().splitlines()
    return spent, (lines[-1][:200] if lines else "no reason") if finished.returncode else ""
