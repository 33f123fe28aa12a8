"""Target 8, processes that share a port, and target 9, the processor time of packaging."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.cold_start import SCRATCH
from benchmarks.load import load, post
from benchmarks.suite import worlds
from benchmarks.suite.http_rows import MANY
from benchmarks.suite.processes import Running, lading, serving
from benchmarks.suite.profile import callers_of, profile
from benchmarks.suite.rates import Plan
from benchmarks.suite.rows import Row, absent, at_least, at_most, bounded, explained
from lading.functions.contract.names import CONTAINER
from lading.model_packaging.quiet import waiting_quietly

NO_WEIGHTS = "its weights are not installed; run `make frameworks`"
WORKERS = "LADING_WORKERS"
ROOT = Path(__file__).parents[2]
OPTIMUM = (
    *("optimum==2.1.0", "optimum-onnx==0.1.0"),
    *("transformers==4.57.6", "huggingface-hub==0.36.0", "tokenizers==0.22.1"),
)
APART = ("check", "gate", "batches", "benchmark", "placement", "golden")
"""Stages of packaging that optimum does not have; they are listed apart."""
MOST_APART_S = 8
_SHORTEST_S = 0.05
_OURS = """
import json, os, sys
from pathlib import Path
from benchmarks.suite.worlds import minilm_spec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
spent, last = {}, 0.0
def note(stage, outcome):
    global last
    now = sum(os.times()[:4])
    name = stage if outcome else "rest"
    spent[name] = spent.get(name, 0.0) + now - last
    last = now
folder = Path(sys.argv[1])
package(minilm_spec(), LocalStore(folder), folder / "models.lock.json", note)
note("", "")
print(json.dumps(spent))
"""
_OPTIMUM = """
import os, sys
from optimum.onnxruntime import ORTModelForFeatureExtraction, ORTQuantizer
from optimum.onnxruntime.configuration import AutoQuantizationConfig
source = sys.argv[2]
ORTModelForFeatureExtraction.from_pretrained(source, export=True).save_pretrained(sys.argv[1])
settings = AutoQuantizationConfig.avx2(is_static=False)
ORTQuantizer.from_pretrained(sys.argv[1]).quantize(settings, sys.argv[1])
print(sum(os.times()[:4]))
"""


def workers(plan: Plan) -> Iterator[Row]:
    """Two processes on two cores against one; the callers are not pinned."""
    world = worlds.minilm(worlds.UNBATCHED)
    if world is None or WORKERS not in vars(CONTAINER).values():
        yield absent("8 processes, MiniLM", NO_WEIGHTS if world is None else f"no {WORKERS} yet")
        return
    request = post("/predict", json.dumps({"inputs": [worlds.SENTENCE]}).encode())
    own, cores = os.sched_getaffinity(0), range(os.cpu_count() or 1)
    os.sched_setaffinity(0, cores)
    kinds = {"one core": (1, plan.core), "one": (1, None), "two": (2, None)}
    found: dict[str, list[_Load]] = {kind: [] for kind in kinds}
    try:
        for _ in range(plan.rounds):
            for kind, (count, core) in kinds.items():
                server = lading(world.root, **{WORKERS: str(count)})
                with serving(server, core) as running:
                    found[kind].append(_load(running, request, plan))
    finally:
        os.sched_setaffinity(0, own)
    alone, one, two = map(_median, found.values())
    note = f"PSS of all processes: {two.pss_mib:.0f} MiB, with one worker {one.pss_mib:.0f}"
    figure = f"{two.words()}, one on one core {alone.words()}"
    yield at_least("8 processes, MiniLM, of one core", figure, two.rate / alone.rate, 1.6, note)
    note = "one process predicts in as many threads as there are cores, so it uses both, too"
    figure = f"{two.words()}, one on both {one.words()}"
    row = at_least("8 processes, MiniLM, of one process", figure, two.rate / one.rate, 1.6, note)
    yield explained(row, partial(profile, lading(world.root), callers_of(request, MANY)))


class _Load(NamedTuple):
    """What a server did: answers per second, cores that it used, and its memory."""

    rate: float
    cores: float
    pss_mib: float

    def words(self) -> str:
        return f"{self.rate:,.0f}/s ({self.cores:.1f} cores)"


def _median(rounds: Sequence[_Load]) -> _Load:
    return _Load(*map(statistics.median, zip(*rounds, strict=True)))


def _load(running: Running, request: bytes, plan: Plan) -> _Load:
    load(running.port, request, MANY, 0.4)
    before = running.cpu_s()
    answered = load(running.port, request, MANY, plan.seconds)
    cores = (running.cpu_s() - before) / answered.seconds
    return _Load(answered.rate, cores, running.pss_mib())


def packaging(plan: Plan) -> Iterator[Row]:
    """Processor seconds of packaging MiniLM from its folder, beside optimum's.

    Ours runs with the environment of `lading package`, optimum with that of its own command.
    """
    if plan.quick:
        yield absent("9 packaging MiniLM", "left out of a quick run")
        return
    if worlds.minilm() is None:
        yield absent("9 packaging MiniLM", NO_WEIGHTS)
        return
    folder = str(worlds.minilm_spec().source)
    stages = {name: float(s) for name, s in json.loads(_printed(_OURS, waiting_quietly())).items()}
    apart = sum(seconds for name, seconds in stages.items() if name in APART)
    others = float(_printed(_OPTIMUM, {"PYTHONPATH": _optimum(), "USE_TF": "0"}, folder))
    ours = sum(stages.values()) - apart
    longest = sorted(stages.items(), key=lambda item: -item[1])
    note = ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest if seconds >= _SHORTEST_S)
    figure = f"{ours:.1f} CPU s, optimum {others:.1f}"
    yield at_most("9 packaging, load, export, quantize", figure, ours / others, 1.2, note)
    met, figure = apart <= MOST_APART_S, f"{apart:.1f} CPU s"
    wanted = f"at most {MOST_APART_S} CPU s"
    yield bounded("9 packaging, check, gate, benchmark", wanted, figure, met=met, note=note)


def _optimum() -> str:
    """Install optimum, and the older transformers that it needs, in a folder of their own.

    The folder comes before our packages, of which torch and onnxruntime are used.
    """
    folder = SCRATCH / "peers" / "optimum"
    if not (folder / "transformers").exists():
        print("installing optimum, once ...", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", str(folder)]
        subprocess.run([*pip, *OPTIMUM], check=True, capture_output=True, timeout=200)
    return str(folder)


def _printed(code: str, environment: Mapping[str, str], *arguments: str) -> str:
    """Return the last line that a process prints which runs `code` with an empty folder.

    Raises:
        RuntimeError: it failed; the text has the end of what it wrote.
    """
    path = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), str(ROOT))))
    with TemporaryDirectory(dir=SCRATCH) as folder:
        finished = subprocess.run(
            [sys.executable, "-c", code, folder, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **environment, "PYTHONPATH": path},
            timeout=400,
        )
    if finished.returncode:
        raise RuntimeError(finished.stderr.strip()[-500:] or f"ended with {finished.returncode}")
    return finished.stdout.strip().splitlines()[-1]
