"""The way of each row, however many rows a request has and however many values a condition."""

import tracemalloc

import numpy as np

from lading.functions.inference.artifact.graph_nodes import Comparison, GraphNode, GraphStep
from lading.functions.inference.graphs.routing import route_of


def test_a_long_list_of_values_needs_no_memory_for_each_of_them() -> None:
    known = GraphStep("known", {}, {}, when=(Comparison("key", "in", [*range(1000)]),))
    node = GraphNode("switch", ("key",), (), (known, GraphStep("other", {}, {})), {})
    keys = np.arange(20_000)
    route = route_of("root", node)
    tracemalloc.start()
    try:
        places = route({"key": keys}, len(keys))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [*places] == [0] * 1000 + [1] * 19_000
    assert peak < 100 * len(keys)
