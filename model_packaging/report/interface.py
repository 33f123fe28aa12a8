"""The sections about what callers send and get, and about the models of a graph."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lading.model_packaging.report.elements import table


def interface(specification: Mapping[str, Any]) -> Iterable[str]:
    """Yield the tensors, the further signatures, and the nodes of a graph."""
    if specification["outputs"]:
        yield from _tensors(specification)
    yield from _signatures(specification)
    yield from _graph(specification)


def _tensors(specification: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>Inputs and outputs</h2>"
    rows = [
        [side[:-1], each.name, each.datatype, str(list(each.shape))]
        for side in ("inputs", "outputs")
        for each in specification[side]
    ]
    yield table(("", "name", "datatype", "shape (-1: any size)"), rows)


def _signatures(specification: Mapping[str, Any]) -> Iterable[str]:
    """Yield nothing for a model with one signature of the default name."""
    entries = specification.get("signatures", ())
    if not entries:
        return
    yield "<h2>Signatures</h2>"
    rows = []
    for each in entries:
        left = [f"not {stage}d: {why}" for stage, why in each.get("left", {}).items()]
        near = [f"cosine to the original {each['cosine']:.4f}"] if "cosine" in each else []
        what = f"another name for {each['alias']}" if "alias" in each else "the inputs above"
        if "inputs" in each:
            what = f"{_named(each['inputs'])} to {_named(each['outputs'])}"
        rows.append([str(each["name"]), what, "; ".join([*near, *left])])
    yield table(("", "inputs and outputs", ""), rows)


def _graph(specification: Mapping[str, Any]) -> Iterable[str]:
    """Yield what a graph is made of."""
    graph = specification.get("graph")
    if graph is None:
        return
    yield "<h2>Graph</h2>"
    rows = []
    for name, node in graph["nodes"].items():
        how = ", ".join(f"{output}: {it}" for output, it in node.get("combine", {}).items())
        extra = [how, node.get("code", ""), "merged" * ("merged" in node)]
        steps = ", ".join(step["use"] for step in node["steps"])
        rows.append([name, node["kind"], steps, "; ".join(filter(None, extra))])
    yield table(("node", "kind", "steps", ""), rows)
    models = graph["models"].items()
    versions = [[name, str(model["version"]), model["digest"]] for name, model in models]
    yield table(("model", "version", "digest"), versions, code=True)


def _named(tensors: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{each['name']} {each['datatype']} {each['shape']}" for each in tensors)
