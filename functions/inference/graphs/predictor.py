"""A graph of models behind the interface of one model."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lading.functions.contract.errors import InvalidInput, PredictionFailed
from lading.functions.contract.settings import ServedEndpoint, ServingSettings
from lading.functions.inference.artifact.graph_nodes import ROOT, GraphNode
from lading.functions.inference.artifact.specification import BACKGROUND, BASELINE, Artifact, Graph
from lading.functions.inference.graphs.node_runs import NodeRun
from lading.functions.inference.graphs.own_code import own_combine
from lading.functions.inference.graphs.parts import (
    Chain,
    Ensemble,
    ModelPart,
    Part,
    PartUse,
    Router,
)
from lading.functions.inference.graphs.routing import route_of
from lading.functions.inference.models.predictor import (
    Batching,
    ModelMetadata,
    Predictor,
    SessionError,
    check_request,
    latest_runs,
)
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.models.session_predictor import SessionPredictor, open_onnx
from lading.functions.inference.tensors.conversion import Array

if TYPE_CHECKING:
    from lading.functions.inference.explaining.recorded import Recorded

PLATFORM = "ensemble"
"""Triton's name for a model that is made of models."""


class GraphPredictor(Predictor):
    """The predictor of a graph: its small models run here, endpoints answer for the others.

    Args:
        artifact: the graph.
        version: the number under which it is served.
        threads: threads inside one prediction; see `open_onnx`.
        endpoints: the endpoint of each model that an engine serves, by the model's name.

    Raises:
        ValueError: a model cannot be loaded, or has no endpoint.
    """

    def __init__(
        self,
        artifact: Artifact,
        version: int,
        threads: int = 0,
        endpoints: Mapping[str, ServedEndpoint] | None = None,
    ) -> None:
        if artifact.graph is None:
            raise ValueError(f"model '{artifact.name}' is not a graph")
        self.golden, self.baseline = artifact.golden, artifact.files.get(BASELINE)
        self.metadata = ModelMetadata(
            artifact.name, version, PLATFORM, artifact.inputs, artifact.outputs
        )
        opened = _Opened(artifact, artifact.graph, version, threads, endpoints or {})
        self._root = opened.part(ROOT, ())
        self._models = [
            each.artifact._replace(model=b"", files={}, golden=None)  # only their descriptions
            for each in artifact.graph.models.values()
        ]
        self._by_row = opened.by_row()
        self._specification = artifact.specification
        self._background = artifact.files.get(BACKGROUND)

    @cached_property
    def batching(self) -> Batching | None:
        """See `Predictor.batching`: requests share a run if those of all its models may."""
        from lading.functions.inference.models.batching import batching_of, has_rows

        if "batching" in self._specification:
            return batching_of(self._specification, self.metadata)
        if not self._by_row or not has_rows((*self.metadata.inputs, *self.metadata.outputs)):
            return None
        rows = Batching().most_rows
        for artifact in self._models:
            stated = artifact.specification
            signature = ModelMetadata("", 0, "", artifact.inputs, artifact.outputs)
            known = batching_of(stated, signature._replace(signature=artifact.signature))
            if known is None:
                return None
            rows = min(rows, known.most_rows)
        return Batching(rows)

    @cached_property
    def recorded(self) -> "Recorded | None":
        """See `Predictor.recorded`."""
        section = self._specification.get("explain")
        if section is None:
            return None
        from lading.functions.inference.explaining.recorded import read

        return read(section, self._background)

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`.

        Raises:
            NoRouteMatched: no step of a switch matches.
            InferenceError: also that of one of its models.
        """
        check_request(self.metadata, inputs, outputs)
        runs: list[NodeRun] = []
        try:
            found = self._root.run(inputs, runs)
            return {name: found[name] for name in outputs} if outputs else found
        except InvalidInput as error:
            if {*error.name.split(", ")} <= inputs.keys():
                raise
            raise self._failed(f"a model refuses what another returned: {error}") from error
        except PredictionFailed as error:
            raise self._failed(f"its model '{error.name}': {error.reason}") from error
        except (SessionError, ValueError, KeyError) as error:
            raise self._failed(str(error)) from error
        finally:
            latest_runs.set(tuple(runs))

    def _failed(self, reason: str) -> PredictionFailed:
        return PredictionFailed(self.metadata.name, self.metadata.version, reason)


def open_graph(artifact: Artifact, version: int, settings: ServingSettings) -> GraphPredictor:
    """Return the predictor of a graph's artifact.

    Raises:
        ValueError: a model cannot be loaded, or has no endpoint.
    """
    return GraphPredictor(artifact, version, settings.threads, settings.node_endpoints)


def open_here(artifact: Artifact, version: int, threads: int = 0) -> Predictor:
    """Return the predictor of a graph or a model that needs no engine.

    Raises:
        ValueError: it cannot be loaded.
    """
    if artifact.graph is not None:
        return GraphPredictor(artifact, version, threads)
    if artifact.native is None:
        return open_onnx(artifact, version, threads)
    from lading.functions.inference.native.runtimes import open_native

    return open_native(artifact, version, threads)


class _Opened:
    """The models of a graph, each opened once, and the parts that use them."""

    def __init__(
        self,
        artifact: Artifact,
        graph: Graph,
        version: int,
        threads: int,
        endpoints: Mapping[str, ServedEndpoint],
    ) -> None:
        self._artifact, self._graph, self._version = artifact, graph, version
        self._threads, self._endpoints = threads, endpoints
        self.predictors: dict[str, Predictor] = {}

    def part(self, name: str, outputs: Sequence[str]) -> Part:
        """Return the part of this name; `outputs` are those that a model must give."""
        node = self._graph.nodes.get(name)
        if node is None:
            return _model_part(name, self._predictor(name), outputs)
        if node.merged:
            return _model_part(name, self._merged(name, node), node.outputs)
        steps = [PartUse(step, self.part(step.use, tuple(step.outputs))) for step in node.steps]
        return self._node(name, node, steps)

    def by_row(self) -> bool:
        """Return whether each row of a request is answered by itself, as far as nodes decide."""
        return all(
            not node.code and (node.by_row or node.kind not in ("switch", "splitter"))
            for node in self._graph.nodes.values()
        )

    def _node(self, name: str, node: GraphNode, steps: Sequence[PartUse]) -> Part:
        if node.kind == "sequence":
            return Chain(node, steps)
        if node.kind == "ensemble":
            own = own_combine(node.code, self._artifact.files[node.code]) if node.code else None
            return Ensemble(node, steps, own)
        return Router(node, steps, route_of(name, node))

    def _predictor(self, name: str) -> Predictor:
        if name not in self.predictors:
            version, artifact = self._graph.models[name]
            self.predictors[name] = self._opened(artifact, version)
        return self.predictors[name]

    def _opened(self, artifact: Artifact, version: int) -> Predictor:
        if artifact.engine is None:
            return open_onnx(artifact, version, self._threads)
        from lading.functions.inference.endpoint.predictor import open_endpoint

        if artifact.name not in self._endpoints:
            raise ValueError(
                f"an engine serves its model '{artifact.name}', and LADING_NODE_ENDPOINTS does not "
                "name that endpoint"
            )
        return open_endpoint(artifact, version, self._endpoints[artifact.name])

    def _merged(self, name: str, node: GraphNode) -> Predictor:
        """Return the ONNX model that answers as a node does, as a model of its own."""
        model = self._artifact.files[node.merged]
        try:
            session = OnnxSession(model, self._threads)
        except SessionError as error:
            raise ValueError(str(error)) from error
        stated = self._artifact._replace(
            name=name,
            model=model,
            inputs=session.inputs,
            outputs=session.outputs,
            golden=None,
            specification={},
            graph=None,
            files={},
        )
        return open_onnx(stated, self._version, self._threads, session)


def _model_part(name: str, predictor: Predictor, outputs: Sequence[str]) -> ModelPart:
    """Return a model that gives these outputs."""
    if isinstance(predictor, SessionPredictor):
        return ModelPart(name, predictor.bound(outputs), remote=False)
    return ModelPart(name, partial(predictor.predict, outputs=outputs), remote=True)
