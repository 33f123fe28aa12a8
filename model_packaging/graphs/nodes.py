"""Finds the packaged models of a graph: the versions that the lock labels stable."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.inference.artifact.specification import Artifact, Graph, GraphModel
from lading.functions.inference.attestation.statement import OUTSIDE
from lading.model_packaging.engines.triton import model_file
from lading.model_packaging.errors import ConversionError, ManifestError
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.graph_rules import step_key
from lading.model_packaging.manifest.graphs import GraphSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.store.publication import Published
from lading.model_packaging.store.transfer import read_nearest

_LEFT_OUT = frozenset(OUTSIDE)
"""Files of a version that its digest does not cover."""


@dataclass(frozen=True, slots=True)
class PackagedNode:
    """A version of a model that a graph uses."""

    name: str
    version: int
    published: Published

    @property
    def digest(self) -> str:
        """SHA-256 of its artifact.json."""
        return self.published.artifact.digest

    @property
    def remote(self) -> bool:
        """Whether an engine serves it at an endpoint."""
        return self.published.artifact.engine is not None

    def files(self) -> dict[str, bytes]:
        """Return the files that the graph's artifact has of it, by their names there."""
        files = self.published.files
        return {f"{self.name}+{name}": files[name] for name in self._covered()}

    def section(self) -> dict[str, object]:
        """Return its entry in the graph's artifact.json."""
        files = {name: f"{self.name}+{name}" for name in self._covered()}
        return {"version": self.version, "digest": self.digest, "files": files}

    def here(self) -> Artifact:
        """Return its artifact with a model that runs in this process, also if an engine serves it.

        Raises:
            ConversionError: the engine's model is no ONNX file.
        """
        artifact, engine = self.published.artifact, self.published.engine
        if engine is None:
            return artifact
        path = model_file(engine.files)
        if path is None:
            raise ConversionError(
                self.name, "has an engine that is not Triton; a graph cannot be tested with it"
            )
        return artifact._replace(model=b"".join(engine.read(path)), engine=None)

    def _covered(self) -> list[str]:
        return sorted(name for name in self.published.files if name not in _LEFT_OUT)


def find_nodes(spec: ModelSpec, graph: GraphSpec, lock: Path) -> dict[str, PackagedNode]:
    """Return the stable version of each model of a graph; without one, the newest.

    Raises:
        ManifestError: a model has no version yet, accepts no tensors, or is not converted.
        StoreError: a version cannot be read.
    """
    known = read_lock(lock)
    found: dict[str, PackagedNode] = {}
    for key, name in _uses(graph):
        if name in found:
            continue
        locked = known.model(name)
        if not locked.versions:
            reason = f"'{name}' has no version yet; run `lading package {name}` first"
            raise ManifestError(spec.place(key), reason)
        version = locked.labels.get(DEFAULT_LABEL, max(locked.versions))
        published = read_nearest(name, version, locked.versions[version], lock)
        if not published.artifact.outputs:
            raise ManifestError(spec.place(key), f"'{name}' is a language model, without tensors")
        if published.artifact.native:
            reason = f"'{name}' is not converted; a graph is made of models without engine: native"
            raise ManifestError(spec.place(key), reason)
        found[name] = PackagedNode(name, version, published)
    return found


def _uses(graph: GraphSpec) -> Iterator[tuple[str, str]]:
    """Yield the place and the name of each model that a step uses."""
    for name, node in graph.nodes.items():
        for number, step in enumerate(node.steps()):
            if step.use not in graph.nodes:
                yield step_key(name, node.kind(), number), step.use


def versions_of(artifact: Artifact) -> dict[str, int]:
    """Return the models of a published graph and their versions; of another model none."""
    specification = artifact.specification
    graph = specification.get("graph") or specification.get("ensemble") or {}
    return {name: int(it["version"]) for name, it in graph.get("models", {}).items()}


def opened_here(artifact: Artifact, nodes: Mapping[str, PackagedNode]) -> Artifact:
    """Return a graph's artifact whose models all run in this process."""
    assert artifact.graph is not None
    models = {name: GraphModel(node.version, node.here()) for name, node in nodes.items()}
    return artifact._replace(graph=Graph(artifact.graph.nodes, models))
