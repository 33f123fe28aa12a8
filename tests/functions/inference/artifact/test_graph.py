"""The section of a graph in `artifact.json`, and hostile ones, which are refused at once."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.inference.artifact.graph_nodes import MOST_RUNS
from tests.functions.inference.graphs.worlds import node, read_graph, step, write_graph
from tests.support.worlds import times


def chain(length: int, uses: int) -> dict[str, Any]:
    """Nodes of which each uses the next one so often; the last one uses the model `m`."""
    names = ["root", *(f"n{number}" for number in range(1, length)), "m"]
    return {
        name: node("ensemble", *[step(below)] * uses, combine={"y": "mean"})
        for name, below in pairwise(names)
    }


def test_a_graph_is_read_with_its_nodes_and_models(tmp_path: Path) -> None:
    write_graph(tmp_path, {"m": times(2)}, chain(3, 2))
    graph = read_graph(tmp_path).graph
    assert graph is not None
    assert [*graph.nodes] == ["root", "n1", "n2"]
    assert [*graph.models] == ["m"]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        (chain(60, 2), f"its models run {2**60} times for one request, more than {MOST_RUNS}"),
        (chain(600, 1), "has 600 nodes, more than 64"),
        (chain(2, 1) | {"n1": node("sequence", step("root"))}, "the node 'root' uses itself"),
        (chain(1, 1) | {"alone": node("sequence", step("m"))}, r"\['alone'\] are not used"),
        ({"root": node("sequence", step("nobody"))}, "KeyError\\('nobody'\\)"),
    ],
    ids=["many runs", "many nodes", "circle", "unused", "unknown"],
)
def test_a_graph_that_cannot_be_run_is_refused(
    tmp_path: Path, nodes: dict[str, Any], reason: str
) -> None:
    write_graph(tmp_path, {"m": times(2)}, nodes)
    with pytest.raises(ArtifactCorrupt, match=reason):
        read_graph(tmp_path)
