"""Predictor: the seam between the wire and a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from functions.inference.artifact import TensorSpec
from functions.inference.errors import UnexpectedOutput
from functions.inference.tensors import Array, check_signature

TEXT_LENGTHS: Final = "lading.text_lengths"
"""An extra of models that read text: int64 [texts], in tokens, special ones included."""


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a caller may know of a model: its name, version, platform and signature.

    `extras` are arrays that are no part of its signature, given when they are asked for by name.
    """

    name: str
    version: int
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    extras: tuple[str, ...] = ()

    def output_names(self) -> tuple[str, ...]:
        """Names of all outputs, in the model's order."""
        return tuple(output.name for output in self.outputs)


class Predictor(Protocol):
    """A model that answers: named arrays in, named arrays out."""

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
