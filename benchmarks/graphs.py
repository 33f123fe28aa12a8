"""What a graph of three small models costs beside its models: `python benchmarks/graphs.py`.

It trains and packages examples/messages (`make tabular`), then answers one message by the graph,
and by its three models one after the other, with the mean of the two classifiers in numpy. It times
the graph as it is packaged, with its two classifiers merged, and with each model by itself. All are
timed in turns by the processor time of this process, so that a busy machine slows none of them
down. The goal is a ratio of at most 1.1.
"""

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from operator import truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time_ns

import numpy as np

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.graphs.predictor import GraphPredictor
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array

EXAMPLE = Path(__file__).parents[1] / "examples" / "messages"
GOAL = 1.1
ROUNDS, RUNS = 400, 20
MESSAGE = b"i was charged twice please refund my card"


def main() -> None:
    """Measure, and print the figures as JSON."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("train.py", "models.yaml"):
            shutil.copy(EXAMPLE / name, folder)
        command = [str(Path(sys.executable).parent / "lading"), "package"]
        subprocess.run([sys.executable, "train.py"], cwd=folder, check=True)
        subprocess.run(command, cwd=folder, check=True, stderr=subprocess.DEVNULL)
        figures = measure(folder / "artifacts" / "models")
    print(json.dumps(figures, indent=2))


def measure(models: Path) -> dict[str, object]:
    """Return the figures of a graph below `models`, with machine and date."""
    artifact = read_artifact(models / "messages" / "1")
    assert artifact.graph is not None
    assert any(node.merged for node in artifact.graph.nodes.values())
    nodes = {name: node._replace(merged="") for name, node in artifact.graph.nodes.items()}
    apart = artifact._replace(graph=artifact.graph._replace(nodes=nodes))
    graphs = {
        "merged": GraphPredictor(artifact, 1, threads=1),
        "apart": GraphPredictor(apart, 1, threads=1),
    }
    parts = {
        name: open_onnx(read_artifact(models / name / "1"), 1, threads=1)
        for name in ("words", "linear", "forest")
    }
    text = np.array([MESSAGE], np.object_)

    def one_by_one() -> Array:
        vector = parts["words"].predict({"text": text})["transformed"]
        scores = [
            parts[name].predict({"vector": vector}, ["probabilities"])["probabilities"]
            for name in ("linear", "forest")
        ]
        return np.asarray((scores[0] + scores[1]) / 2)

    answers: dict[str, Callable[[], Array]] = {"models": one_by_one}
    for name, graph in graphs.items():
        answers[name] = partial(_answer, graph, text)
        assert np.array_equal(answers[name](), one_by_one())
    times: dict[str, list[float]] = {name: [] for name in answers}
    for number in range(ROUNDS):
        for name in sorted(answers, reverse=number % 2 == 1):
            times[name].append(timed(answers[name]))
    ratios = {
        f"ratio_{name}": round(median(map(truediv, times[name], times["models"])), 3)
        for name in graphs
    }
    return {
        **{f"{name}_us": round(median(each), 1) for name, each in times.items()},
        **ratios,
        "goal": GOAL,
        "machine": f"{platform.machine()}, {platform.platform()}",
        "date": datetime.now(UTC).date().isoformat(),
    }


def _answer(graph: GraphPredictor, text: Array) -> Array:
    return graph.predict({"text": text})["probabilities"]


def timed(answer: Callable[[], Array]) -> float:
    """Return the microseconds of processor time of one answer, from several in a row."""
    started = process_time_ns()
    for _ in range(RUNS):
        answer()
    return (process_time_ns() - started) / RUNS / 1000


if __name__ == "__main__":
    main()
