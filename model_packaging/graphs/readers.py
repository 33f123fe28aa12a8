"""The nodes and models of a graph that get what its callers send, and under which names."""

from collections.abc import Container, Iterator, Mapping
from typing import Any

from lading.functions.inference.artifact.graph_nodes import ROOT, GraphNode
from lading.functions.inference.artifact.specification import Artifact
from lading.model_packaging.graphs.edges import Wired

Inner = Mapping[str, str]
"""Tensors of a node that are inputs of the graph -> their names there."""


def reached(wired: Wired) -> Iterator[tuple[GraphNode, Inner]]:
    """Yield each use of a node, from the root on, with the graph's inputs among its tensors."""
    yield from _below(ROOT, {spec.name: spec.name for spec in wired.inputs}, wired)


def _below(name: str, names: Inner, wired: Wired) -> Iterator[tuple[GraphNode, Inner]]:
    node = wired.nodes[name]
    yield node, names
    for step in node.steps:
        if step.use in wired.nodes:
            inner = {to: names[tensor] for to, tensor in step.inputs.items() if tensor in names}
            yield from _below(step.use, inner, wired)


def readers(wired: Wired, models: Container[str]) -> Iterator[tuple[str, Inner]]:
    """Yield each use of a model, with the graph's inputs among those of the model."""
    for node, names in reached(wired):
        for step in node.steps:
            if step.use in models:
                yield step.use, {to: names[it] for to, it in step.inputs.items() if it in names}


def first_steps(wired: Wired, models: Mapping[str, Artifact]) -> list[Mapping[str, Any]]:
    """Return the processing steps of the models that get something from callers."""
    used = dict.fromkeys(name for name, names in readers(wired, models) if names)
    return [step for name in used for step in models[name].specification.get("processing") or ()]
