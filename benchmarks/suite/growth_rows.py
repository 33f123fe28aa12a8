"""Target 10: what more models cost, and what an artifact costs more than its graph."""

import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.cold_start import starting_on
from benchmarks.suite import worlds
from benchmarks.suite.memory import words
from benchmarks.suite.rates import Plan
from benchmarks.suite.rows import Row, absent, bounded, explained

COUNTS = (1, 10, 100)
MOST_MIB = 5
_END = """
import json, time
from pathlib import Path
lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
pss = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
from benchmarks.suite.memory import mappings
print(json.dumps({"cpu": time.process_time(), "pss": pss, "places": mappings("self")}))
"""
_CONTAINER = """
import sys
from lading.functions.inference.entry.container import load
from lading.functions.inference.entry.container_settings import ContainerSettings
catalog = load(ContainerSettings.from_environment())
predictor = catalog.predictors()[0]
if len(sys.argv) > 1:
    import numpy as np
    for _ in range(20):
        predictor.predict({"text": np.array([sys.argv[1].encode()], object)})
"""
_BARE = """
import os, sys
import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer
options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(os.environ["TOKENIZER"])
for _ in range(20):
    encoded = tokenizer.encode(sys.argv[1])
    parts = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask}
    parts["token_type_ids"] = encoded.type_ids
    names = [each.name for each in session.get_inputs()]
    session.run(None, {name: np.array([parts[name]], np.int64) for name in names})
"""
_SHARED = """
import lading.functions.inference.entry.container
"""


def growth(plan: Plan) -> Iterator[Row]:
    """Measure the container's start with 1, 10 and 100 models."""
    found = {}
    for count in COUNTS[:2] if plan.quick else COUNTS:
        found[count] = _run(_CONTAINER, {"LADING_MODEL_ROOT": str(worlds.many(count))}, plan)
        cpu, pss, _ = found[count]
        yield Row(f"10 growth, {count} models", "", f"{cpu:.2f} CPU s, {pss:.0f} MiB PSS")
    (few, (cpu, pss, _)), (most, (cpu_most, pss_most, _)) = min(found.items()), max(found.items())
    more = most - few
    figure = f"{(cpu_most - cpu) / more * 1000:.1f} CPU ms, {(pss_most - pss) / more:.2f} MiB"
    yield Row("10 growth, each further model", "", figure, note="the digits example, 9 kB")
    yield from _artifact(plan)


def _artifact(plan: Plan) -> Iterator[Row]:
    world = worlds.minilm(worlds.UNBATCHED)
    if world is None:
        yield absent("10 MiniLM's memory", "its weights are not installed; run `make frameworks`")
        return
    tokenizer = str(world.folder / "tokenizer.json")
    bare = {"MODEL": str(world.model), "TOKENIZER": tokenizer}
    _, ours, places = _run(
        _CONTAINER, {"LADING_MODEL_ROOT": str(world.root)}, plan, worlds.SENTENCE
    )
    _, theirs, others = _run(_SHARED + _BARE, bare, plan, worlds.SENTENCE)
    figure = f"{ours - theirs:+.0f} MiB ({ours:.0f} against {theirs:.0f})"
    wanted = f"graph and tokenizers + {MOST_MIB} MiB"
    row = bounded("10 MiniLM's memory", wanted, figure, met=ours - theirs <= MOST_MIB)
    yield explained(row, lambda: f"more than the other has: {words(places - others)}")


def _run(
    code: str, environment: Mapping[str, str], plan: Plan, *arguments: str
) -> tuple[float, float, Counter[str]]:
    """Return the median processor seconds and the PSS in MiB of a process that runs `code`.

    The third is the PSS of the last one by mapping, in KiB.
    """
    root = str(Path(__file__).parents[2])
    variables = {"PATH": "", "PYTHONPATH": root, "LADING_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    figures = []
    for _ in range(plan.rounds):
        with starting_on(plan.core):
            finished = subprocess.run(
                [sys.executable, "-c", code + _END, *arguments],
                env={**variables, **environment},
                check=True,
                capture_output=True,
                timeout=120,
            )
        document = json.loads(finished.stdout.splitlines()[-1])
        figures.append((document["cpu"], document["pss"]))
    cpu, pss = (statistics.median(column) for column in zip(*figures, strict=True))
    return cpu, pss, Counter(document["places"])
