"""The artifact of a graph while it is made: its files as far as they are known."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.graph_nodes import GraphNode
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import BASELINE, GOLDEN, GRAPH_FORMAT
from lading.functions.inference.graphs.predictor import GraphPredictor
from lading.model_packaging.engines.served import Served
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.explanations.explained import Explained
from lading.model_packaging.graphs.job import FRAMEWORK, GraphJob
from lading.model_packaging.graphs.nodes import opened_here
from lading.model_packaging.measure.benchmark import Latency
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.measure.peak_memory import Footprint
from lading.model_packaging.placement.decision import Decision
from lading.model_packaging.specification import write_graph
from lading.model_packaging.store.publication import Built


@dataclass(frozen=True, slots=True)
class TriedGraph:
    """What the stages found.

    Args:
        change: the gate's figures.
        latency: of one row.
        footprint: its memory.
        decision: what serves it, and why.
        golden: its golden requests.
        baseline: the distribution of its held-out rows, if there are any.
        explained: what is recorded for explanations, if the manifest wants them.
        served: what its engine gets, if an engine serves it.
        cpu_seconds: the processor time of each stage.
    """

    change: AccuracyChange | None
    latency: Latency
    footprint: Footprint
    decision: Decision
    golden: bytes
    baseline: bytes | None
    explained: Explained | None
    served: Served | None
    cpu_seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Draft:
    """A graph that is not published yet.

    Args:
        job: what it is made of.
        identity: of its artifact.
        nodes: its nodes.
        own: the files that only it has.
    """

    job: GraphJob
    identity: str
    nodes: Mapping[str, GraphNode]
    own: Mapping[str, bytes]

    def files(self) -> dict[str, bytes]:
        """Return the files of an artifact that can be opened."""
        return dict(write_graph(self._held(), self._document()).files)

    def written(self, tried: TriedGraph) -> Built:
        """Return the files to publish."""
        held = {**({} if tried.served else self._held()), GOLDEN: tried.golden}
        held |= {BASELINE: tried.baseline} if tried.baseline else {}
        document = self._document()
        figures: dict[str, Any] = {
            "cpu_seconds": dict(tried.cpu_seconds),
            "placement": tried.decision.to_json(),
        }
        if tried.explained:
            held |= tried.explained.files()
            document |= {"explain": tried.explained.recorded.to_json()}
            figures |= {"explanations": dict(tried.explained.figures)}
        if tried.change:
            document["accuracy"] = tried.change.to_json() | {"data": self.job.source.data}
            if tried.change.by_class:
                figures["by_class"] = tried.change.by_class.to_json()
        if tried.decision.target == "lambda-managed":
            document["target"] = tried.decision.target
        measured = tried.latency, tried.footprint
        return write_graph(held, document, measured, figures, tried.served)

    def predictor(self) -> GraphPredictor:
        """Open the graph; models that engines serve run here too.

        Raises:
            ConversionError: it cannot be opened.
        """
        name = self.job.spec.name
        artifact = read_artifact(Path(artifact_folder(name, 0)), None, self.files())
        try:
            return GraphPredictor(opened_here(artifact, self.job.nodes), 0)
        except ValueError as error:
            raise ConversionError(name, str(error)) from error

    def size(self) -> int:
        """Return the bytes of the models that run in the graph's process."""
        return sum(len(node.published.artifact.model) for node in self.job.nodes.values())

    def _held(self) -> dict[str, bytes]:
        held = dict(self.own)
        for node in self.job.nodes.values():
            held |= node.files()
        return held

    def _document(self) -> dict[str, Any]:
        job, wired = self.job, self.job.wired
        domains = {each.name: each.domain.to_json() for each in wired.inputs if each.domain}
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
            "accuracy": None,
            "graph": {
                "nodes": {name: node.to_json() for name, node in self.nodes.items()},
                "models": {name: node.section() for name, node in job.nodes.items()},
            },
            **({"domains": domains} if domains else {}),
            **({"batching": asdict(job.spec.batching)} if job.spec.batching else {}),
        }
