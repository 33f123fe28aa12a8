"""A model that an engine serves at a SageMaker endpoint, behind the protocol of any other model.

Tensors travel both ways in the Open Inference Protocol's binary form. The length of its JSON header
stands in the content type, since SageMaker passes no header on that it does not know:
https://docs.nvidia.com/deeplearning/triton-inference-server, "SageMaker Triton Inference Server".
A language model has no tensors; its requests go to the engine as the caller wrote them.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from lading.functions.contract.errors import InferenceError, PredictionFailed, Unsupported
from lading.functions.contract.settings import ServedEndpoint
from lading.functions.inference.artifact.reading import Artifact, EngineSection, TensorSpec
from lading.functions.inference.endpoint.client import Endpoint
from lading.functions.inference.endpoint.twin import Twin
from lading.functions.inference.models.predictor import (
    ModelMetadata,
    Predictor,
    SessionError,
    check_request,
    with_steps,
)
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.messages import decode, encode

if TYPE_CHECKING:
    from lading.functions.inference.processing.processed import ProcessedSession

BINARY: Final = "application/vnd.sagemaker-triton.binary+json;json-header-size="
_SIZE = re.compile(r";\s*json-header-size=([0-9]{1,12})\s*(?:;|$)", re.IGNORECASE)
_PLATFORMS: Final = {"triton": "onnxruntime_onnx"}


def open_endpoint(artifact: Artifact, version: int, settings: ServedEndpoint | None) -> Predictor:
    """What answers for an artifact that has an engine.

    Raises:
        ValueError: no endpoint is configured, or a processing step cannot be made.
    """
    engine = artifact.engine
    if settings is None or engine is None:
        raise ValueError("it is served by an engine, and LADING_ENDPOINT names no endpoint")
    endpoint = _endpoint(settings, artifact.name, version)
    if not artifact.outputs:  # a language model has neither inputs nor outputs
        return LanguageModel(_metadata(artifact, engine, version), endpoint, settings.engine_model)
    metadata = _metadata(artifact, engine, version)
    twin = None
    if settings.twin_function:
        twin = Twin(replace(metadata, name=settings.twin_model), settings.twin_function)
    own = replace(metadata, inputs=engine.inputs, outputs=engine.outputs)
    graph = with_steps(EndpointGraph(own if engine.inputs else metadata, endpoint), artifact)
    seen = replace(metadata, extras=graph.extras)
    return EndpointPredictor(seen, graph, twin, tuple(artifact.aliases))


def _endpoint(settings: ServedEndpoint, model: str, version: int) -> Endpoint:
    if settings.mode != "async":
        return Endpoint(settings, model, version)
    from lading.functions.inference.endpoint.queued import AsyncEndpoint

    return AsyncEndpoint(settings, model, version)


def _metadata(artifact: Artifact, engine: EngineSection, version: int) -> ModelMetadata:
    platform = _PLATFORMS.get(engine.name, engine.name)
    return ModelMetadata(
        artifact.name,
        version,
        platform,
        artifact.inputs,
        artifact.outputs,
        signature=artifact.signature,
        method=artifact.method,
    )


class EndpointGraph:
    """A graph that an engine computes; see `predictor.Graph`.

    Args:
        metadata: the model's name and version, and what the engine takes and gives.
        endpoint: where it is.
    """

    extras: tuple[str, ...] = ()
    """See `ModelMetadata.extras`."""

    def __init__(self, metadata: ModelMetadata, endpoint: Endpoint) -> None:
        self._metadata, self._endpoint = metadata, endpoint

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the engine takes."""
        return self._metadata.inputs

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Graph.run`.

        Raises:
            InferenceError: also those of `endpoint_refusals`.
        """
        wanted = outputs or self._metadata.output_names()
        body, header_size = encode(inputs, wanted, binary=self._endpoint.answers_binary)
        content_type, answer = self._endpoint.invoke(body, f"{BINARY}{header_size}")
        try:
            size = _SIZE.search(content_type)
            found = decode(answer, int(size[1]) if size else len(answer))
            return {name: found[name] for name in wanted}
        except (InferenceError, LookupError, TypeError, ValueError) as error:
            reason = f"its engine's answer cannot be read: {error!r}"
            raise PredictionFailed(self._metadata.name, self._metadata.version, reason) from error


class EndpointPredictor:
    """A model of tensors, answered by an engine; `twin` may answer while that is not there.

    Args:
        metadata: what callers see.
        graph: the engine, behind the processing steps if there are some.
        twin: another model that answers the same.
        aliases: further names of its one signature.
    """

    def __init__(
        self,
        metadata: ModelMetadata,
        graph: "EndpointGraph | ProcessedSession",
        twin: Twin | None = None,
        aliases: Sequence[str] = (),
    ) -> None:
        self.metadata, self.twin, self._graph = metadata, twin, graph
        self.signatures = dict.fromkeys(aliases, self)

    def text_of(self, tokens: Sequence[int]) -> str | None:
        """See `ProcessedSession.text_of`; None of a model without steps."""
        return None if isinstance(self._graph, EndpointGraph) else self._graph.text_of(tokens)

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`.

        Raises:
            InferenceError: also those of `endpoint_refusals`.
        """
        check_request(self.metadata, inputs, outputs)
        try:
            return self._graph.run(inputs, outputs or self.metadata.output_names())
        except SessionError as error:
            raise PredictionFailed(self.metadata.name, self.metadata.version, str(error)) from error


class LanguageModel:
    """A model of text, answered by an engine that speaks OpenAI's JSON.

    `engine_model` is its name there; empty when requests name none.
    """

    def __init__(self, metadata: ModelMetadata, endpoint: Endpoint, engine_model: str = "") -> None:
        self.metadata, self.engine_model, self._endpoint = metadata, engine_model, endpoint

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:  # noqa: ARG002
        """Refuse.

        Raises:
            Unsupported: a language model takes no tensors.
        """
        raise Unsupported(
            f"model '{self.metadata.name}' is a language model and takes no tensors; "
            "use /v1/chat/completions or /v1/completions"
        )

    def complete(self, document: Mapping[str, Any]) -> bytes:
        """The engine's whole answer to an OpenAI request.

        Raises:
            InferenceError: there is none.
        """
        return self._endpoint.invoke(json_codec.dumps(document), "application/json")[1]

    def stream(self, document: Mapping[str, Any]) -> Generator[bytes, None, None]:
        """The engine's answer as server-sent events, in whatever parts they come.

        Raises:
            InferenceError: there is none, at once or from some part on.
        """
        return self._endpoint.stream(json_codec.dumps(document), "application/json")
