"""Predictor: the seam between the wire and a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.inference.artifact import Artifact, TensorSpec
from functions.inference.errors import PredictionFailed, UnexpectedOutput
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
            InvalidInput: an input does not fit the signature.
            UnexpectedOutput: the signature has no output of a wanted name.
            PredictionFailed: the model gave up.
        """


class OnnxPredictor:
    """A verified artifact, answered by onnxruntime in this process.

    `golden` is the artifact's golden.json, if it has one.

    Args:
        artifact: the model, and what it says of itself.
        version: the number under which it is served.
        threads: threads inside one prediction; 0 leaves the choice to onnxruntime.
        session: the model, where it is loaded already.

    Raises:
        SessionError: onnxruntime does not load the model.
        ValueError: the model has other inputs or outputs than the artifact says.
    """

    def __init__(
        self,
        artifact: Artifact,
        version: int,
        threads: int = 0,
        session: OnnxSession | None = None,
    ) -> None:
        self.golden = artifact.golden
        self._session = session or OnnxSession(artifact.model, threads)
        _check_specification(artifact.inputs, self._session.inputs, exhaustive=True)
        _check_specification(artifact.outputs, self._session.outputs, exhaustive=False)
        self.metadata = ModelMetadata(
            artifact.name, version, "onnxruntime_onnx", artifact.inputs, artifact.outputs
        )

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`."""
        check_signature(inputs, self.metadata.inputs)
        self._session.check_axes(inputs)
        known = self.metadata.output_names()
        for name in outputs:
            if name not in known:
                raise UnexpectedOutput(name, known)
        try:
            return self._session.run(inputs, outputs or known)
        except SessionError as error:
            raise PredictionFailed(self.metadata.name, self.metadata.version, str(error)) from error


def _check_specification(
    said: Sequence[TensorSpec], found: Sequence[TensorSpec], *, exhaustive: bool
) -> None:
    """The artifact may say more of a shape than the model does, and of outputs offer fewer."""
    known = {(spec.name, spec.datatype) for spec in found}
    claimed = {(spec.name, spec.datatype) for spec in said}
    if not claimed <= known or (exhaustive and claimed != known):
        raise ValueError(f"its artifact says {sorted(claimed)}, its model has {sorted(known)}")
