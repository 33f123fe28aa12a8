"""Worlds of graphs: artifacts of tiny models and of graphs made of them, without the packaging."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION, Artifact
from lading.functions.inference.graphs.predictor import GraphPredictor
from tests.support.engines import write_engine_artifact
from tests.support.worlds import write_artifact

Document = dict[str, Any]
X = {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
Y = {"name": "y", "datatype": "FP32", "shape": [-1, 2]}


def step(use: str, given: str = "x", returned: str = "y", **changes: Any) -> Document:
    """A step of a model from `x` to `y`, with the names of both around it."""
    return {"use": use, "inputs": {"x": given}, "outputs": {"y": returned}, **changes}


def node(kind: str, *steps: Document, **changes: Any) -> Document:
    """A node from `x` to `y`."""
    return {"kind": kind, "inputs": ["x"], "outputs": ["y"], "steps": [*steps], **changes}


def write_graph(  # noqa: PLR0913 a graph has this many parts
    root: Path,
    models: Mapping[str, bytes],
    nodes: Mapping[str, Document],
    *,
    inputs: Sequence[Document] = (X,),
    outputs: Sequence[Document] = (Y,),
    files: Mapping[str, bytes] | None = None,
    facts: Mapping[str, Any] | None = None,
    remote: Mapping[str, bytes] | None = None,
) -> str:
    """A graph at `root/models/graph/1`, made of these models; returns its digest.

    `facts` are more keys of the specification of each model; `remote` are models of Triton.
    """
    own, sections = dict(files or {}), {}
    for model, content in {**models, **(remote or {})}.items():
        if model in models:
            digest = write_artifact(root, model, 1, content, **(facts or {}))
        else:
            digest = write_engine_artifact(root, model, content, "triton")
        folder = root / "models" / model / "1"
        files_of = (MODEL, SPECIFICATION) if model in models else (SPECIFICATION,)
        held = {file: f"{model}+{file}" for file in files_of}
        own |= {outer: (folder / file).read_bytes() for file, outer in held.items()}
        sections[model] = {"version": 1, "digest": digest, "files": held}
    document = {
        "format_version": 4,
        "name": "graph",
        "identity": "sha256:0",
        "inputs": [*inputs],
        "outputs": [*outputs],
        "files": {file: sha256(content) for file, content in own.items()},
        "graph": {"nodes": nodes, "models": sections},
    }
    folder = root / "models" / "graph" / "1"
    folder.mkdir(parents=True)
    for file, content in own.items():
        (folder / file).write_bytes(content)
    content = json.dumps(document).encode()
    (folder / SPECIFICATION).write_bytes(content)
    return sha256(content)


def read_graph(root: Path) -> Artifact:
    """The artifact that `write_graph` wrote."""
    return read_artifact(root / "models" / "graph" / "1")


def open_graph(root: Path, *arguments: Any, **changes: Any) -> GraphPredictor:
    """The predictor of a graph that is written first; see `write_graph`."""
    write_graph(root, *arguments, **changes)
    return GraphPredictor(read_graph(root), 1)
