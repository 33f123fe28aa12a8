"""Makes the artifact of a graph: wires its models, tries them together, and measures the whole.

A graph has no original to agree with. Instead the accuracy gate compares it with the graph that the
label stable has now, on the same held-out rows: a new version of one of its models is a new version
of the graph, and may not make its answers worse by more than the manifest allows.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from lading.functions.contract.errors import InferenceError
from lading.functions.contract.names import DEFAULT_LABEL, artifact_folder
from lading.functions.inference.artifact.graph_nodes import GraphNode
from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import GOLDEN, GRAPH_FORMAT
from lading.functions.inference.graphs.predictor import GraphPredictor
from lading.functions.inference.tensors.conversion import datatype_of
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.golden import golden_requests
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.documents import canonical
from lading.model_packaging.errors import ConversionError, FileMissing
from lading.model_packaging.graphs.edges import CODE_ENDING, Wired, wire
from lading.model_packaging.graphs.footprint import measure_graph
from lading.model_packaging.graphs.merging import Merged, merged
from lading.model_packaging.graphs.nodes import PackagedNode, find_nodes, opened_here
from lading.model_packaging.graphs.rows import answered, one_of_each_way, rows_for
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.graphs import GraphSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.accuracy import Gate, gate_stage
from lading.model_packaging.measure.benchmark import Latency, time_loaded
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.measure.peak_memory import Footprint
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.placement.options import Target
from lading.model_packaging.placement.targets import fitting
from lading.model_packaging.resolution import Resolved, rows_digest
from lading.model_packaging.specification import Source, write_graph
from lading.model_packaging.stages import Stages
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.transfer import read_nearest

FRAMEWORK = "graph"


@dataclass(frozen=True, slots=True)
class GraphJob(Resolved):
    """A graph whose models are packaged, and whose tensors fit together.

    Args:
        wired: its nodes and tensors.
        nodes: its models.
        code: the files of its ensembles' own code, by their names in the artifact.
        before: the answers of the version that is stable now; None if it has none like this one.
    """

    wired: Wired
    nodes: Mapping[str, PackagedNode]
    code: Mapping[str, bytes]
    before: Model | None


def resolve_graph(
    spec: ModelSpec, graph: GraphSpec, lock: Path, regions: Collection[str]
) -> tuple[GraphJob, str]:
    """Find the models of a graph, and check the tensors along its edges.

    Raises:
        ManifestError: a model is not packaged, or something does not fit.
    """
    code = {f"{name}{CODE_ENDING}": _read(spec, file) for name, file in _code_of(graph)}
    nodes = find_nodes(spec, graph, lock)
    signatures = {
        name: (node.published.artifact.inputs, node.published.artifact.outputs)
        for name, node in nodes.items()
    }
    wired = wire(spec, graph, signatures)
    document = {
        "inputs": list(graph.inputs),
        "nodes": {name: node.to_json() for name, node in wired.nodes.items()},
        "models": {name: [node.version, node.digest] for name, node in nodes.items()},
        "code": {name: sha256(content) for name, content in code.items()},
        "merge": graph.merge,
    }
    data = rows_digest(spec, spec.accuracy.data) if spec.accuracy else None
    source = Source(spec.manifest.name, FRAMEWORK, sha256(canonical(document)), data)
    tools = {name: version_of(name) for name in ("numpy", "onnxruntime")}
    job = GraphJob(
        spec, source, tools, regions, None, wired, nodes, code, _stable(spec, wired, lock)
    )
    listed = ", ".join(f"{name} {node.version}" for name, node in nodes.items())
    return job, f"{len(wired.nodes)} nodes of {listed}"


def build_graph(job: GraphJob, identity: str, stages: Stages) -> Built:
    """Try a graph, measure it, and return the files of its artifact.

    Raises:
        PackagingError: a stage failed.
    """
    draft = _Draft(job, identity, job.wired.nodes, dict(job.code))
    samples, served = stages.run("check", _check, draft)
    merging = stages.run("merge", _merge, draft, samples, served)
    draft = replace(draft, nodes=merging.nodes, code={**job.code, **merging.files})
    served = draft.predictor()
    change = stages.run("gate", _gate, job, samples, served)
    latency = stages.run("benchmark", _benchmark, draft, samples)
    footprint, target = stages.run("placement", _place, draft, samples, latency)
    golden = stages.run("golden", _golden, samples, served)
    return draft.written(golden, change, (latency, footprint), target)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A graph that is not published yet: its nodes, and the files that only it has."""

    job: GraphJob
    identity: str
    nodes: Mapping[str, GraphNode]
    code: Mapping[str, bytes]

    def written(
        self,
        golden: bytes | None = None,
        change: AccuracyChange | None = None,
        measured: tuple[Latency, Footprint] | None = None,
        target: Target = "lambda",
    ) -> Built:
        """Return the files, as far as they are known."""
        own = {**self.code, **({GOLDEN: golden} if golden is not None else {})}
        for node in self.job.nodes.values():
            own |= node.files()
        document = self._document(change)
        if target == "lambda-managed":
            document["target"] = target
        return write_graph(own, document, measured)

    def predictor(self) -> GraphPredictor:
        """Open the graph; models that engines serve run here too."""
        name = self.job.spec.name
        artifact = read_artifact(Path(artifact_folder(name, 0)), None, self.written().files)
        try:
            return GraphPredictor(opened_here(artifact, self.job.nodes), 0)
        except ValueError as error:
            raise ConversionError(name, str(error)) from error

    def size(self) -> int:
        """Return the bytes of the models that run in the graph's process."""
        return sum(len(node.published.artifact.model) for node in self.job.nodes.values())

    def _document(self, change: AccuracyChange | None) -> dict[str, Any]:
        job, wired = self.job, self.job.wired
        domains = {each.name: each.domain.to_json() for each in wired.inputs if each.domain}
        accuracy = change.to_json() | {"data": job.source.data} if change else None
        return {
            "format_version": GRAPH_FORMAT,
            "name": job.spec.name,
            "identity": self.identity,
            "inputs": [each.to_json() for each in wired.inputs],
            "outputs": [each.to_json() for each in wired.outputs],
            "source": {
                "file": job.source.file,
                "framework": FRAMEWORK,
                "digest": job.source.digest,
            },
            "tools": dict(job.tools),
            "steps": [{"step": "compose", "bytes": self.size()}],
            "accuracy": accuracy,
            "graph": {
                "nodes": {name: node.to_json() for name, node in self.nodes.items()},
                "models": {name: node.section() for name, node in job.nodes.items()},
            },
            **({"domains": domains} if domains else {}),
            **({"batching": asdict(job.spec.batching)} if job.spec.batching else {}),
        }


def _code_of(graph: GraphSpec) -> list[tuple[str, Path]]:
    return [(name, node.code.file) for name, node in graph.nodes.items() if node.code]


def _read(spec: ModelSpec, file: Path) -> bytes:
    if not file.is_file():
        raise FileMissing(spec.place("graph.nodes"), file, "put it there or correct the path")
    return file.read_bytes()


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


def _check(draft: _Draft) -> tuple[tuple[Samples, GraphPredictor], str]:
    """Answer rows, and compare each answer with the signature."""
    job, predictor = draft.job, draft.predictor()
    samples = answered(rows_for(job.spec, job.wired, job.nodes), predictor.predict)
    for request in samples.requests(32):
        try:
            answer = predictor.predict(request)
        except InferenceError as error:
            raise ConversionError(job.spec.name, f"cannot answer its rows: {error}") from error
        for spec in job.wired.outputs:
            found = answer[spec.name]
            fits = len(found.shape) == len(spec.shape) and all(
                size in (-1, have) for size, have in zip(spec.shape, found.shape, strict=True)
            )
            if datatype_of(found) != spec.datatype or not fits:
                reason = (
                    f"returns '{spec.name}' as {datatype_of(found)} of shape {list(found.shape)}, "
                    f"not {spec.datatype} of {list(spec.shape)}"
                )
                raise ConversionError(job.spec.name, reason)
    return (samples, predictor), f"answers {samples.rows:,} rows from {samples.origin}"


def _merge(draft: _Draft, samples: Samples, served: GraphPredictor) -> tuple[Merged, str]:
    graph = draft.job.spec.graph
    if graph is None or not graph.merge:
        return Merged(draft.nodes, {}), "none: the manifest does not ask for it"

    def answer(found: Merged) -> Model:
        files = {**draft.code, **found.files}
        return replace(draft, nodes=found.nodes, code=files).predictor().predict

    return merged(draft.nodes, draft.job.nodes, [*samples.requests(32)], served.predict, answer)


def _gate(
    job: GraphJob, samples: Samples, served: GraphPredictor
) -> tuple[AccuracyChange | None, str]:
    if job.spec.accuracy is None:
        return gate_stage(None, served.predict, lossy=False)
    gate = Gate(job.spec, samples, job.before or served.predict)
    return gate_stage(gate, served.predict, lossy=job.before is not None)


def _benchmark(draft: _Draft, samples: Samples) -> tuple[Latency, str]:
    latency = time_loaded(lambda: draft.predictor().predict, next(samples.requests(1)))
    return latency, f"p50 {latency.p50_ms:g} ms, p95 {latency.p95_ms:g} ms, one row at a time"


def _place(
    draft: _Draft, samples: Samples, latency: Latency
) -> tuple[tuple[Footprint, Target], str]:
    spec, nodes = draft.job.spec, draft.job.nodes
    request = next(samples.requests(1))
    footprint = measure_graph(spec.name, draft.written().files, nodes, request)
    measured = Needs(spec.name, draft.size(), True, *astuple(footprint))
    needs = replace(measured, load_ms=latency.load_ms)
    target, outcome = fitting(spec.target, needs)
    return (footprint, target), outcome


def _golden(samples: Samples, served: GraphPredictor) -> tuple[bytes, str]:
    more = one_of_each_way(samples, served.predict)
    content, count = golden_requests(samples, served.predict, more, quantized=False)
    return content, f"{count} requests, {len(content):,} bytes"
