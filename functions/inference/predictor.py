"""Predictor: the seam between the wire and a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.inference.artifact import Artifact, TensorSpec
from functions.inference.errors import InvalidInput, PredictionFailed
from functions.inference.session import OnnxSession, SessionError
from functions.inference.tensors import Array, check_signature


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a caller may know of a model: its name, version, platform and signature."""

    name: str
    version: int
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

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
            InvalidInput: an input or a wanted output does not fit the signature.
            PredictionFailed: the model gave up.
        """


class OnnxPredictor:
    """A verified artifact, answered by onnxruntime in this process."""

    def __init__(self, artifact: Artifact, version: int, threads: int = 0) -> None:
        self._session = OnnxSession(artifact.model, threads)
        self.metadata = ModelMetadata(
            artifact.name, version, "onnxruntime_onnx", artifact.inputs, artifact.outputs
        )

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`."""
        check_signature(inputs, self.metadata.inputs)
        known = self.metadata.output_names()
        for name in outputs:
            if name not in known:
                raise InvalidInput(name, f"is no output; the model has {', '.join(known)}")
        try:
            return self._session.run(inputs, outputs)
        except UnicodeDecodeError as error:
            raise InvalidInput(
                self._first_text_input(), "holds bytes that are not UTF-8"
            ) from error
        except SessionError as error:
            raise PredictionFailed(self.metadata.name, self.metadata.version, str(error)) from error

    def _first_text_input(self) -> str:
        return next(spec.name for spec in self.metadata.inputs if spec.datatype == "BYTES")
