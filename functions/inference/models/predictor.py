"""Predictor: the seam between wire and model; Backend: the one between a model and its engine."""

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from lading.functions.contract.errors import SignatureNotFound, UnexpectedOutput
from lading.functions.inference.artifact.reading import (
    PREDICT_METHOD,
    SERVING_DEFAULT,
    Artifact,
    TensorSpec,
)
from lading.functions.inference.tensors.conversion import Array, check_signature

if TYPE_CHECKING:
    from lading.functions.inference.processing.processed import ProcessedSession

TEXT_LENGTHS: Final = "lading.text_lengths"
"""An extra of models that read text: int64 [texts], in tokens, special ones included."""


custom_attributes: ContextVar[str] = ContextVar("custom_attributes", default="")
"""SageMaker's custom attributes of the request that is being answered; empty without any."""


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a caller may know of a model: its name, version, platform and signature.

    `extras` are arrays that are no part of its signature, given when they are asked for by name.
    `signature` is the signature's name, `method` what it does in TensorFlow Serving's words.
    """

    name: str
    version: int
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    extras: tuple[str, ...] = ()
    signature: str = SERVING_DEFAULT
    method: str = PREDICT_METHOD

    def output_names(self) -> tuple[str, ...]:
        """Names of all outputs, in the model's order."""
        return tuple(output.name for output in self.outputs)


class Predictor(Protocol):
    """A model that answers: named arrays in, named arrays out.

    One with several signatures has a predictor for each, by name, in `signatures`.
    """

    @property
    def metadata(self) -> ModelMetadata:
        """The model's name, version and signature."""

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Answer one request.

        Args:
            inputs: an array per input of the signature.
            outputs: names of the outputs wanted; all when empty.

        Raises:
            InvalidInput: an input does not fit the signature.
            UnexpectedOutput: the signature has no output of a wanted name.
            PredictionFailed: the model gave up.
        """


def signatures_of(predictor: Predictor) -> Mapping[str, Predictor]:
    """What answers for each signature of a model; the first does when none is named."""
    return {predictor.metadata.signature: predictor, **getattr(predictor, "signatures", {})}


def with_signature(predictor: Predictor, name: str) -> Predictor:
    """What answers for a signature of a model; an empty name means the first.

    Raises:
        SignatureNotFound: the model has none of this name.
    """
    if not name:
        return predictor
    known = signatures_of(predictor)
    if name not in known:
        raise SignatureNotFound(name, known)
    return known[name]


def check_request(
    metadata: ModelMetadata, inputs: dict[str, Array], outputs: Sequence[str]
) -> None:
    """Check a request against a model's signature, before anything is computed.

    Raises:
        InvalidInput: an input does not fit.
        UnexpectedOutput: there is no output of a wanted name.
    """
    check_signature(inputs, metadata.inputs)
    known = metadata.output_names()
    for name in outputs:
        if name not in (*known, *metadata.extras):
            raise UnexpectedOutput(name, known)


class Backend(Protocol):
    """What computes a model: onnxruntime in this process, or an engine elsewhere."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What it takes."""

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Compute.

        Args:
            inputs: an array per input.
            outputs: names of the outputs wanted; all when empty.

        Raises:
            InferenceError, SessionError: there is no answer.
        """


G = TypeVar("G", bound=Backend)


_SOURCE = re.compile(r"\S*/\S+:\d+ ")
"""A place in onnxruntime's own sources, which tells a caller nothing."""


class SessionError(Exception):
    """A graph, or a step around it, could not be loaded or run; carries the error's first line."""

    def __init__(self, error: Exception) -> None:
        line = str(error).strip().partition("\n")[0]
        super().__init__(_SOURCE.sub("", line) or type(error).__name__)


def with_steps(graph: G, artifact: Artifact) -> "G | ProcessedSession":
    """The graph, behind the artifact's processing steps if it has some.

    Raises:
        ValueError: a step is not known here, or lacks its library.
    """
    processing = artifact.specification.get("processing")
    if not processing:
        return graph
    from lading.functions.inference.processing.processed import ProcessedSession, make_step

    steps = [make_step(options, artifact.files) for options in processing]
    return ProcessedSession(graph, steps, artifact.inputs, artifact.outputs)
