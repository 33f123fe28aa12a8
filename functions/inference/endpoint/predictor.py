"""A model that an engine serves at a SageMaker endpoint, behind the interface of any other model.

Tensors travel both ways in the Open Inference Protocol's binary form. The length of its JSON header
is part of the content type, since SageMaker does not forward headers that it does not know:
https://docs.nvidia.com/deeplearning/triton-inference-server, "SageMaker Triton Inference Server".
A language model has no tensors; its requests go to the engine as the caller wrote them.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lading.functions.contract.errors import InferenceError, PredictionFailed, Unsupported
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.settings import ServedEndpoint
from lading.functions.inference.artifact.specification import (
    BASELINE,
    Artifact,
    EngineSection,
    TensorSpec,
)
from lading.functions.inference.endpoint.client import Endpoint, EngineRequest
from lading.functions.inference.endpoint.fleet import FleetAnswer, folder_number
from lading.functions.inference.endpoint.twin import Twin
from lading.functions.inference.models.predictor import (
    ModelMetadata,
    Predictor,
    SessionError,
    TextModel,
    check_request,
)
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.binary import HEADER_SIZE
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.messages import decode_answer, encode

if TYPE_CHECKING:
    from lading.functions.inference.endpoint.job_store import EngineWork
    from lading.functions.inference.processing.processed import Steps
    from lading.functions.inference.wire.deferred import Deferred

T = TypeVar("T")

BINARY: Final = "application/vnd.sagemaker-triton.binary+json;json-header-size="
_PLATFORMS: Final = {"triton": "onnxruntime_onnx"}


def open_endpoint(artifact: Artifact, version: int, settings: ServedEndpoint | None) -> Predictor:
    """Return the predictor of an artifact that has an engine.

    Raises:
        ValueError: no endpoint is configured, or a processing step cannot be made.
    """
    engine = artifact.engine
    if settings is None or engine is None:
        raise ValueError("an engine serves it, and LADING_ENDPOINT does not name its endpoint")
    endpoint = _endpoint(settings, artifact.name, version)
    metadata = _metadata(artifact, engine, version)
    if not artifact.outputs:  # a language model has neither inputs nor outputs
        return LanguageModel(metadata, endpoint, settings.engine_model)
    twin = None
    if settings.twin_function:
        twin = Twin(metadata._replace(name=settings.twin_model), settings.twin_function)
    steps = _steps_around(artifact, engine)
    if steps is not None:
        metadata = metadata._replace(extras=steps.around.extras)
    predictor = EndpointPredictor(metadata, endpoint, steps, twin, tuple(artifact.aliases))
    predictor.number = folder_number(engine)
    predictor.baseline = artifact.files.get(BASELINE)
    return predictor


def _steps_around(artifact: Artifact, engine: EngineSection) -> "EngineSteps | None":
    """Return the artifact's processing steps, if it has some."""
    if not artifact.specification.get("processing"):
        return None
    from lading.functions.inference.processing.processed import steps_of

    return EngineSteps(steps_of(artifact, engine.inputs), engine.outputs)


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


@dataclass(frozen=True, slots=True)
class EngineSteps:
    """The processing steps around an engine's graph, and what that graph returns."""

    around: "Steps"
    outputs: tuple[TensorSpec, ...]


class EndpointPredictor(Predictor):
    """A model of tensors, answered by an engine; `twin` may answer while that is unavailable.

    Args:
        metadata: what callers see.
        endpoint: where the engine is.
        steps: what is done before and after the engine, if the artifact has processing steps.
        twin: another model that answers the same.
        aliases: further names of its one signature.
    """

    number = ""
    """What the engine's answers call this version; empty: they do not tell versions apart."""

    def __init__(
        self,
        metadata: ModelMetadata,
        endpoint: Endpoint,
        steps: EngineSteps | None = None,
        twin: Twin | None = None,
        aliases: Sequence[str] = (),
    ) -> None:
        self.metadata, self.twin, self._aliases = metadata, twin, aliases
        self._endpoint, self._steps = endpoint, steps

    @property
    def signatures(self) -> Mapping[str, Predictor]:
        """See `Predictor.signatures`."""
        return dict.fromkeys((self.metadata.signature, *self._aliases), self)

    def text_of(self, tokens: Sequence[int]) -> str | None:
        """See `Predictor.text_of`."""
        return self._steps.around.text_of(tokens) if self._steps else None

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`.

        Raises:
            InferenceError: also those of `refusals.py`.
        """
        return self._answered(self._endpoint.answer, inputs, outputs)

    def predict_in_job(
        self, work: "EngineWork", inputs: dict[str, Array], outputs: Sequence[str] = ()
    ) -> "dict[str, Array] | Deferred":
        """See `Predictor.predict_in_job`."""
        return self._answered(partial(self._endpoint.answer_in_job, work), inputs, outputs)

    def engine_request(
        self, inputs: dict[str, Array], outputs: Sequence[str] = ()
    ) -> EngineRequest[dict[str, Array]]:
        """Return the request for the engine, for those who bring it there themselves.

        Raises:
            InferenceError: the inputs do not fit the model.
        """
        check_request(self.metadata, inputs, outputs)
        try:
            return self._request(inputs, outputs)
        except SessionError as error:
            raise self._failed(str(error)) from error

    def _answered(
        self,
        answer: Callable[[EngineRequest[dict[str, Array]]], T],
        inputs: dict[str, Array],
        outputs: Sequence[str],
    ) -> T:
        check_request(self.metadata, inputs, outputs)
        try:
            return answer(self._request(inputs, outputs))
        except SessionError as error:
            raise self._failed(str(error)) from error

    def _request(
        self, inputs: dict[str, Array], outputs: Sequence[str]
    ) -> EngineRequest[dict[str, Array]]:
        """Return the request for the engine, and the function that reads its answer."""
        wanted = tuple(outputs or self.metadata.output_names())
        feeds, finish = inputs, None
        if self._steps:
            feeds, finish = self._steps.around.prepare(inputs, wanted)
            wanted = tuple(spec.name for spec in self._steps.outputs)

        def read(content_type: str, answer: bytes) -> dict[str, Array]:
            found, number = self._read(content_type, answer, wanted)
            return self._of_fleet(finish(found) if finish else found, number)

        body, header_size = encode(feeds, wanted, binary=self._endpoint.answers_binary)
        return EngineRequest(body, f"{BINARY}{header_size}", read)

    def _read(
        self, content_type: str, answer: bytes, wanted: Sequence[str]
    ) -> tuple[dict[str, Array], str]:
        """Return the outputs, and what the engine calls the version that has answered."""
        size = HEADER_SIZE.search(content_type)
        try:
            found, number = decode_answer(answer, int(size[1]) if size else len(answer))
            return {name: found[name] for name in wanted}, number
        except (InferenceError, LookupError, TypeError, ValueError) as error:
            raise self._failed(f"its engine's answer cannot be read: {error!r}") from error

    def _of_fleet(self, outputs: dict[str, Array], number: str) -> dict[str, Array]:
        """Return the outputs, which say the fleet that they are of, if that is known."""
        if not self.number or not number:
            return outputs
        own = number == self.number
        return FleetAnswer(outputs, str(self.metadata.version) if own else JUDGE.other_fleet)

    def _failed(self, reason: str) -> PredictionFailed:
        return PredictionFailed(self.metadata.name, self.metadata.version, reason)


class LanguageModel(Predictor):
    """A model of text, answered by an engine that accepts OpenAI's JSON; see `TextModel`."""

    def __init__(self, metadata: ModelMetadata, endpoint: Endpoint, engine_model: str = "") -> None:
        self.metadata, self.engine_model, self._endpoint = metadata, engine_model, endpoint

    @property
    def language_model(self) -> TextModel:
        """See `Predictor.language_model`."""
        return self

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:  # noqa: ARG002
        """Refuse.

        Raises:
            Unsupported: a language model accepts no tensors.
        """
        raise Unsupported(
            f"model '{self.metadata.name}' is a language model and accepts no tensors; "
            "use /v1/chat/completions or /v1/completions"
        )

    def complete(
        self, document: Mapping[str, Any], work: "EngineWork | None" = None
    ) -> "bytes | Deferred":
        """See `TextModel.complete`."""
        body = json_codec.dumps(document)
        request = EngineRequest(body, "application/json", lambda _, answer: answer)
        if work is None:
            return self._endpoint.answer(request)
        return self._endpoint.answer_in_job(work, request)

    def stream(self, document: Mapping[str, Any]) -> Generator[bytes, None, None]:
        """See `TextModel.stream`."""
        return self._endpoint.stream(json_codec.dumps(document), "application/json")
