"""A model that is computed in this process, by onnxruntime or by a runtime of its own."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from lading.functions.contract.errors import PredictionFailed
from lading.functions.inference.artifact.specification import (
    BACKGROUND,
    BASELINE,
    Artifact,
    TensorSpec,
)
from lading.functions.inference.models.predictor import (
    Answer,
    Backend,
    Batching,
    ModelMetadata,
    Predictor,
    SessionError,
    check_request,
)
from lading.functions.inference.tensors.conversion import DTYPES, Array, check_signature

if TYPE_CHECKING:
    from lading.functions.inference.explaining.recorded import Recorded

PLATFORM: Final = "onnxruntime_onnx"
"""What computes an ONNX model, in the form of the Open Inference Protocol."""


class SessionPredictor(Predictor):
    """The predictor of a verified artifact whose model is loaded in this process.

    Args:
        artifact: the model and its description.
        version: the number under which it is served.
        session: the loaded model.
        platform: what computes it, as `<project>_<format>`.
        others: the predictors of its further signatures, by name.

    Raises:
        ValueError: the model's inputs or outputs are not those of the artifact.
    """

    def __init__(
        self,
        artifact: Artifact,
        version: int,
        session: Backend,
        platform: str,
        others: Mapping[str, Predictor] = MappingProxyType({}),
    ) -> None:
        self.golden, self.baseline = artifact.golden, artifact.files.get(BASELINE)
        self._session = _with_steps(session, artifact)
        _check_specification(artifact.inputs, self._session.inputs, exhaustive=True)
        _check_specification(artifact.outputs, self._session.outputs, exhaustive=False)
        self.metadata = ModelMetadata(
            artifact.name,
            version,
            platform,
            artifact.inputs,
            artifact.outputs,
            self._session.extras,
            signature=artifact.signature,
            method=artifact.method,
        )
        self._specification = artifact.specification
        self.classes = artifact.specification.get("classes", {})
        self._background = artifact.files.get(BACKGROUND)
        self._aliases, self._others = artifact.aliases, others

    @property
    def signatures(self) -> Mapping[str, Predictor]:
        """See `Predictor.signatures`.

        Made for each call: a predictor that held itself would keep its model in memory, unloaded or
        not, until Python's garbage collector finds the cycle.
        """
        named: dict[str, Predictor] = {self.metadata.signature: self, **self._others}
        return named | {alias: named[name] for alias, name in self._aliases.items()}

    @cached_property
    def batching(self) -> Batching | None:
        """See `Predictor.batching`; read only where requests can meet, which is not on Lambda."""
        from lading.functions.inference.models.batching import batching_of

        return batching_of(self._specification, self.metadata)

    @cached_property
    def recorded(self) -> "Recorded | None":
        """See `Predictor.recorded`; it is of the default signature."""
        section = self._specification.get("explain")
        first = self._specification.get("signatures", ({"name": self.metadata.signature},))[0]
        if section is None or first["name"] != self.metadata.signature:
            return None
        from lading.functions.inference.explaining.recorded import read

        return read(section, self._background)

    def text_of(self, tokens: Sequence[int]) -> str | None:
        """See `Predictor.text_of`."""
        return self._session.text_of(tokens)

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`."""
        check_request(self.metadata, inputs, outputs)
        self._session.check_axes(inputs)
        try:
            return self._session.run(inputs, outputs or self.metadata.output_names())
        except SessionError as error:
            raise self._failed(error) from error

    def bound(self, outputs: Sequence[str]) -> Answer:
        """Return `predict` for these outputs and inputs of the right names.

        It checks less where the loaded model itself refuses other shapes than the signature has.
        """
        specs, loaded = self.metadata.inputs, self._session
        alike = [each.shape for each in loaded.inputs] == [each.shape for each in specs] != [()]
        run = loaded.bound(outputs) if alike and outputs and len(specs) == 1 else None
        if run is None:
            return partial(self.predict, outputs=outputs)
        (spec,) = specs
        name, dtype, domain = spec.name, DTYPES[spec.datatype], spec.domain

        def answer(inputs: dict[str, Array]) -> dict[str, Array]:
            if inputs[name].dtype is not dtype:
                check_signature(inputs, specs)
            elif domain is not None:
                domain.check(inputs[name], name)
            try:
                return run(inputs)
            except SessionError as error:
                check_signature(inputs, specs)
                raise self._failed(error) from error

        return answer

    def _failed(self, error: SessionError) -> PredictionFailed:
        return PredictionFailed(self.metadata.name, self.metadata.version, str(error))


def open_onnx(
    artifact: Artifact, version: int, threads: int = 0, session: Backend | None = None
) -> SessionPredictor:
    """Return the predictor of an artifact that onnxruntime computes.

    Args:
        artifact: the model and its description.
        version: the number under which it is served.
        threads: threads inside one prediction; 0: one for each processor that this process may use.
        session: the model, if it is loaded already.

    Raises:
        ValueError: onnxruntime cannot load the model, or its inputs or outputs are not those of the
            artifact.
    """
    from lading.functions.inference.models.session import OnnxSession

    try:
        loaded = session or OnnxSession(artifact.file or artifact.model, threads)
    except SessionError as error:
        raise ValueError(str(error)) from error
    others = {name: open_onnx(it, version, threads) for name, it in artifact.others.items()}
    return SessionPredictor(artifact, version, loaded, PLATFORM, others)


def _with_steps(session: Backend, artifact: Artifact) -> Backend:
    """Return the session, behind the artifact's processing steps if it has some."""
    if not artifact.specification.get("processing"):
        return session
    from lading.functions.inference.processing.processed import ProcessedSession, steps_of

    steps = steps_of(artifact, session.inputs)
    return ProcessedSession(session, steps, artifact.inputs, artifact.outputs)


def _check_specification(
    stated: Sequence[TensorSpec], found: Sequence[TensorSpec], *, exhaustive: bool
) -> None:
    """The artifact may state shapes more exactly than the model, and may offer fewer outputs."""
    known = {(spec.name, spec.datatype) for spec in found}
    claimed = {(spec.name, spec.datatype) for spec in stated}
    if not claimed <= known or (exhaustive and claimed != known):
        raise ValueError(f"its artifact states {sorted(claimed)}, its model has {sorted(known)}")
