"""Resolves a graph: finds its models and files, and wires them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.graphs.predictor import GraphPredictor
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.documents import canonical
from lading.model_packaging.engines.served import check_engine
from lading.model_packaging.engines.serving import OnnxEnsemble
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.graphs.edges import CODE_ENDING, Wired, wire
from lading.model_packaging.graphs.nodes import PackagedNode, find_nodes
from lading.model_packaging.graphs.readers import first_steps
from lading.model_packaging.graphs.triton import triton_ensemble
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.graphs import GraphSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.resolution import Resolved, require_file, rows_digest
from lading.model_packaging.specification import Source
from lading.model_packaging.steps.image_rows import has_images
from lading.model_packaging.store.transfer import read_nearest

FRAMEWORK = "graph"
_RECIPE = 2
"""Part of a graph's identity, as `resolution.RECIPE`."""


@dataclass(frozen=True, slots=True)
class GraphJob(Resolved):
    """A graph whose models are packaged, and whose tensors fit together.

    Args:
        wired: its nodes and tensors.
        nodes: its models.
        steps: the processing steps that get what callers send.
        code: the files of its ensembles' own code, by their names in the artifact.
        ensemble: the graph as Triton serves it, if the manifest wants an endpoint for it.
        before: the answers of the version that is stable now; None if it has none like this one.
    """

    wired: Wired
    nodes: Mapping[str, PackagedNode]
    steps: Sequence[Mapping[str, Any]]
    code: Mapping[str, bytes]
    ensemble: OnnxEnsemble | None
    before: Model | None

    @property
    def takes_images(self) -> bool:
        """Whether callers send image files."""
        return has_images(self.steps)


def resolve_graph(
    spec: ModelSpec, graph: GraphSpec, lock: Path, regions: Collection[str]
) -> tuple[GraphJob, str]:
    """Find the models of a graph, and check the tensors along its edges.

    Raises:
        ManifestError: a model is not packaged, or something does not fit.
    """
    for key, path in (*spec.row_files().items(), *_code_of(graph).items()):
        require_file(path, spec.place(key))
    code = {
        f"{name}{CODE_ENDING}": node.code.file.read_bytes()
        for name, node in graph.nodes.items()
        if node.code
    }
    if spec.may_have_engine:
        check_engine(spec, regions)
    nodes = find_nodes(spec, graph, lock)
    _require_explicable(spec, nodes.values())
    artifacts = {name: node.published.artifact for name, node in nodes.items()}
    signatures = {name: (each.inputs, each.outputs) for name, each in artifacts.items()}
    wired = wire(spec, graph, signatures)
    steps = first_steps(wired, artifacts)
    document = {
        "recipe": _RECIPE,
        "inputs": list(graph.inputs),
        "nodes": {name: node.to_json() for name, node in wired.nodes.items()},
        "models": {name: [node.version, node.digest] for name, node in nodes.items()},
        "code": {name: sha256(content) for name, content in code.items()},
        "merge": graph.merge,
    }
    images = has_images(steps)
    data = rows_digest(spec, spec.accuracy.data, images=images) if spec.accuracy else None
    source = Source(spec.manifest.name, FRAMEWORK, sha256(canonical(document)), data)
    tools = {name: version_of(name) for name in ("numpy", "onnxruntime")}
    ensemble = triton_ensemble(spec, wired, nodes) if spec.may_have_engine else None
    before = _stable(spec, wired, lock)
    job = GraphJob(spec, source, tools, regions, None, wired, nodes, steps, code, ensemble, before)
    listed = ", ".join(f"{name} {node.version}" for name, node in nodes.items())
    return job, f"{len(wired.nodes)} nodes of {listed}"


def _code_of(graph: GraphSpec) -> dict[str, Path]:
    nodes = graph.nodes.items()
    return {f"graph.nodes.{name}.code.file": node.code.file for name, node in nodes if node.code}


def _require_explicable(spec: ModelSpec, nodes: Collection[PackagedNode]) -> None:
    """Refuse explanations of a graph that asks endpoints: each takes thousands of answers."""
    remote = next((node.name for node in nodes if node.remote), None)
    if spec.explain and remote:
        reason = (
            f"is for models that functions compute, and '{remote}' of this graph is at an "
            "endpoint; remove it"
        )
        raise ManifestError(spec.place("explain"), reason)


def _stable(spec: ModelSpec, wired: Wired, lock: Path) -> Model | None:
    """Return the answers of the graph's stable version, if it has the same inputs and outputs."""
    locked = read_lock(lock).model(spec.name)
    version = locked.labels.get(DEFAULT_LABEL)
    if version is None or spec.accuracy is None:
        return None
    artifact = read_nearest(spec.name, version, locked.versions[version], lock).artifact
    remote = artifact.graph and any(it.artifact.engine for it in artifact.graph.models.values())
    names = {each.name for each in wired.outputs}
    if artifact.graph is None or remote or {each.name for each in artifact.outputs} != names:
        return None
    return GraphPredictor(artifact, version).predict
