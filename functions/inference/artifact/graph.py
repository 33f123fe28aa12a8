"""The graph of an artifact that is made of other models: its nodes, its steps, and these models.

`artifact.json` of such an artifact (format 4) has no model of its own:

    "graph": {
      "nodes": {"root": {"kind": "sequence", "inputs": ["text"], "outputs": ["label"],
                         "steps": [{"use": "words", "inputs": {"text": "text"},
                                    "outputs": {"vector": "vector"}}, ...]}, ...},
      "models": {"words": {"version": 3, "digest": "sha256:...",
                           "files": {"artifact.json": "words.artifact.json", ...}}}}

A step uses a node of the graph, or else a model. Its `inputs` map each input of what it uses to a
tensor of its node, its `outputs` each output that it passes on to the name that this gets there.
`files` maps the files of a model's version to files of this artifact; the digest is that of the
version's own `artifact.json`, so that a graph holds exactly the versions that it was tested with.
A model that an engine serves has no `model.onnx` here: its endpoint answers.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.graph_nodes import (
    COMBINATIONS,
    COMPARISONS,
    KINDS,
    MOST_NODES,
    MOST_RUNS,
    ROOT,
    Comparison,
    GraphNode,
    GraphStep,
)
from lading.functions.inference.artifact.specification import Artifact, Graph, GraphModel

ReadVersion = Callable[[Path, str, Mapping[str, bytes]], Artifact]
"""Reads the files of a version that has this digest; the folder only names it."""


def with_graph(artifact: Artifact, place: str, read: ReadVersion) -> Artifact:
    """Return an artifact with its graph read; `place` names its file in errors.

    Raises:
        ArtifactError: the graph is inconsistent, or one of its models is not what it states.
    """
    section = artifact.specification["graph"]
    try:
        nodes = {str(name): _node(each) for name, each in section["nodes"].items()}
        models = {str(name): _files(artifact, each) for name, each in section["models"].items()}
        _check(nodes, models, artifact)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactCorrupt(place, f"has a graph that cannot be read: {error!r}") from error
    read_models = {name: _read(name, *each, read) for name, each in models.items()}
    taken = {outer for each in section["models"].values() for outer in each["files"].values()}
    own = {name: content for name, content in artifact.files.items() if name not in taken}
    return artifact._replace(files=own, graph=Graph(nodes, read_models))


def _read(
    name: str, version: int, digest: str, files: Mapping[str, bytes], read: ReadVersion
) -> GraphModel:
    folder = Path(artifact_folder(name, version))
    artifact = read(folder, digest, files)
    if artifact.name != name or artifact.graph:
        raise ArtifactCorrupt(folder.as_posix(), f"cannot be the model '{name}' of a graph")
    return GraphModel(version, artifact)


def _files(artifact: Artifact, entry: Mapping[str, Any]) -> tuple[int, str, dict[str, bytes]]:
    """Return version, digest and files of a model."""
    files = {str(inner): artifact.files[outer] for inner, outer in entry["files"].items()}
    return int(entry["version"]), str(entry["digest"]), files


def _node(document: Mapping[str, Any]) -> GraphNode:
    node = GraphNode(
        kind=str(document["kind"]),
        inputs=tuple(map(str, document["inputs"])),
        outputs=tuple(map(str, document["outputs"])),
        steps=tuple(map(_step, document["steps"])),
        combine={str(name): str(how) for name, how in document.get("combine", {}).items()},
        code=str(document.get("code", "")),
        key=tuple(map(str, document.get("key", ()))),
        by_row=document.get("by_row") is True,
        merged=str(document.get("merged", "")),
    )
    unknown = {*node.combine.values()} - {*COMBINATIONS}
    if node.kind not in KINDS or not node.steps or unknown:
        raise ValueError(f"a node cannot be {node.kind!r} with {len(node.steps)} steps, {unknown}")
    return node


def _step(document: Mapping[str, Any]) -> GraphStep:
    return GraphStep(
        use=str(document["use"]),
        inputs={str(key): str(value) for key, value in document["inputs"].items()},
        outputs={str(key): str(value) for key, value in document["outputs"].items()},
        share=float(document.get("share", 1.0)),
        when=tuple(map(_comparison, document.get("when", ()))),
    )


def _comparison(document: Mapping[str, Any]) -> Comparison:
    found = Comparison(str(document["tensor"]), str(document["comparison"]), document["value"])
    if found.comparison not in COMPARISONS:
        raise ValueError(f"there is no comparison {found.comparison!r}")
    return found


def _check(
    nodes: Mapping[str, GraphNode], models: Mapping[str, object], artifact: Artifact
) -> None:
    """Check that every name leads somewhere, no node uses itself, and a request ends soon.

    Raises:
        ValueError: it does not.
        KeyError: a node or a file is missing.
    """
    if len(nodes) > MOST_NODES:
        raise ValueError(f"it has {len(nodes)} nodes, more than {MOST_NODES}")
    runs: dict[str, int] = {}
    count = _count_runs(ROOT, nodes, models, runs)
    if count > MOST_RUNS:
        raise ValueError(f"its models run {count} times for one request, more than {MOST_RUNS}")
    if unused := {*nodes, *models} - runs.keys():
        raise ValueError(f"{sorted(unused)} are not used")
    for node in nodes.values():
        for file in filter(None, (node.code, node.merged)):
            _ = artifact.files[file]


def _count_runs(
    name: str, nodes: Mapping[str, GraphNode], models: Mapping[str, object], known: dict[str, int]
) -> int:
    """Return how many models run when this one or this node does; `known` has what is counted."""
    if name not in nodes:
        _ = models[name]
        known[name] = 1
    elif name not in known:
        known[name] = 0  # while it is counted
        known[name] = sum(_count_runs(step.use, nodes, models, known) for step in nodes[name].steps)
    elif not known[name]:
        raise ValueError(f"the node {name!r} uses itself")
    return known[name]
