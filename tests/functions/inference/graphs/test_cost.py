"""A graph of small models costs little beside its models: bytecode is counted, not time."""

from pathlib import Path

import numpy as np

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array
from tests.functions.inference.graphs.worlds import node, open_graph, step
from tests.support.bytecode import Counter
from tests.support.worlds import times

ALLOWED = 0.85
"""The bytecode of a graph, of that of its models: inside a graph less is checked."""
X = {"x": np.array([[1.0, 2.0]], np.float32)}


def test_a_graph_of_three_models_runs_less_bytecode_than_they_do_one_by_one(tmp_path: Path) -> None:
    judges = node("ensemble", step("three", "z"), step("four", "z"), combine={"y": "mean"})
    root = node("sequence", step("two", returned="z"), step("judges", given="z"))
    root["steps"][1]["inputs"] = {"z": "z"}
    nodes = {"root": root, "judges": judges | {"inputs": ["z"]}}
    models = {"two": times(2), "three": times(3), "four": times(4)}
    graph = open_graph(tmp_path, models, nodes)
    two, three, four = (
        open_onnx(read_artifact(tmp_path / "models" / name / "1"), 1) for name in models
    )

    def one_by_one() -> Array:
        between = {"x": two.predict(X, ["y"])["y"]}
        answers = [each.predict(between, ["y"])["y"] for each in (three, four)]
        return np.asarray((answers[0] + answers[1]) / 2)

    assert graph.predict(X)["y"].tolist() == one_by_one().tolist() == [[7.0, 14.0]]
    with Counter() as apart:
        one_by_one()
    with Counter() as together:
        graph.predict(X)
    assert together.count <= ALLOWED * apart.count
