"""Merges nodes of a graph into one ONNX model, where ONNX can express them.

A sequence or an ensemble (mean, weighted) whose models run in one process, without processing steps
or own code, becomes one ONNX model by `onnx.compose`: then no tensor between them leaves
onnxruntime. The result must answer as the nodes do, bit by bit, on the rows of the check; else the
nodes stay as they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.artifact.graph_nodes import ROOT, GraphNode
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.graphs.composing import Composer, NotMergeable
from lading.model_packaging.graphs.nodes import PackagedNode

MERGED_ENDING = "+merged.onnx"
"""The end of the name of a merged model among the artifact's files, after its node."""

_KINDS = ("sequence", "ensemble")
_COMBINATIONS = frozenset({"mean", "weighted"})


@dataclass(frozen=True, slots=True)
class Merged:
    """The nodes of a graph, some of them merged, and the files of the merged models."""

    nodes: Mapping[str, GraphNode]
    files: Mapping[str, bytes]


def merged(
    nodes: Mapping[str, GraphNode],
    models: Mapping[str, PackagedNode],
    requests: Sequence[dict[str, Array]],
    answer: Model,
    opened: Callable[[Merged], Model],
) -> tuple[Merged, str]:
    """Merge what can be merged, and return what became of it, with a line about that.

    Args:
        nodes: the nodes of the graph.
        models: its models.
        requests: rows that the graph answers.
        answer: the graph without merged nodes.
        opened: opens the graph with merged nodes.
    """
    found, notes = Merged(nodes, {}), list[str]()
    for name in _mergeable(ROOT, nodes, models):
        file = f"{name}{MERGED_ENDING}"
        try:
            model = Composer(nodes, models).model(name).SerializeToString()
            changed = {**found.nodes, name: nodes[name]._replace(merged=file)}
            attempt = Merged(changed, {**found.files, file: model})
            reason = difference(requests, answer, opened(attempt))
        except (NotMergeable, ConversionError, InferenceError) as error:
            reason = str(error)
        if reason:
            notes.append(f"'{name}' not merged: {reason}")
        else:
            found = attempt
            notes.append(f"'{name}' is one model of {len(model):,} bytes with equal answers")
    return found, "; ".join(notes) or "none: no node has only ONNX models of one process"


def _mergeable(
    name: str, nodes: Mapping[str, GraphNode], models: Mapping[str, PackagedNode]
) -> Iterator[str]:
    """Yield the uppermost nodes that ONNX may express."""
    node = nodes.get(name)
    if node is None:
        return
    if _expressible(name, nodes, models):
        yield name
        return
    for use in dict.fromkeys(step.use for step in node.steps):
        yield from _mergeable(use, nodes, models)


def _expressible(
    name: str, nodes: Mapping[str, GraphNode], models: Mapping[str, PackagedNode]
) -> bool:
    if name in models:
        artifact = models[name].published.artifact
        return artifact.engine is None and not artifact.specification.get("processing")
    node = nodes[name]
    own = node.kind not in _KINDS or node.code or not {*node.combine.values()} <= _COMBINATIONS
    return not own and all(_expressible(step.use, nodes, models) for step in node.steps)


def difference(requests: Sequence[dict[str, Array]], answer: Model, other: Model) -> str:
    """Return where two graphs differ; empty if they answer the same."""
    for request in requests:
        first, second = answer(request), other(request)
        for name, array in first.items():
            same = np.array_equal(array, second[name], equal_nan=array.dtype.kind == "f")
            if not same or array.dtype != second[name].dtype:
                return f"'{name}' differs in a request of {len(next(iter(request.values())))} rows"
    return ""
