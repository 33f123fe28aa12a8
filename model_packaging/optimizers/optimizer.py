"""The interface of optimizers: stages between the check of a conversion and the accuracy gate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lading.functions.inference.processing.processed import ProcessedSession
from lading.model_packaging.check.trial import TrialRows
from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.optimizers.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Task:
    """The arguments of an optimizer besides the model.

    Args:
        spec: the model's entry in the manifest.
        judge: runs the accuracy gate on a candidate. Returns None when the manifest has no accuracy
            section; raises AccuracyDropped when the candidate must not be published.
        compare: compares a candidate with the original on the rows of the check and returns how
            many agree. Raises ConversionError when one differs.
        trial: runs a candidate beside the model that it was made from.
        callers: the model with its processing steps, if it has some. Its inputs are what callers
            send.
    """

    spec: ModelSpec
    judge: Callable[[bytes], AccuracyChange | None]
    compare: Callable[[bytes], int]
    trial: TrialRows
    callers: ProcessedSession | None = None

    def difference(self, candidate: bytes) -> str:
        """Return how a candidate's answers differ from the original's; empty if they agree."""
        try:
            self.compare(candidate)
        except ConversionError as error:
            return error.reason
        return ""


@dataclass(frozen=True, slots=True)
class Optimized:
    """The result of an optimizer: the model, a line for the user, and facts for artifact.json.

    Without facts the model is unchanged, and the artifact does not mention the stage. `candidates`
    are the models that it chose from, if it had a choice, the smallest first.
    """

    model: bytes
    outcome: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()


def _onnx(spec: ModelSpec) -> Mapping[str, str]:
    return tool_versions(spec, "demo", "onnx")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """One way to make a model smaller or faster. Importing its module must be cheap.

    The stages of the pipeline, the identity, artifact.json and the report follow from it.

    Args:
        stage: its name.
        idle: what the stage prints when it leaves a model alone.
        exact: whether answers stay within the tolerance of the check.
        applies: whether the manifest requests it for this model.
        optimize: optimizes a serialized model; called only when it applies. Raises
            PackagingError when the model cannot be optimized; the text says what to do instead.
        tools: versions of the libraries that the result depends on, beside onnxruntime. Raises
            LibraryMissing when one is not installed.
    """

    stage: str
    idle: str
    exact: bool
    applies: Callable[[ModelSpec], bool]
    optimize: Callable[[Task, bytes], Optimized]
    tools: Callable[[ModelSpec], Mapping[str, str]] = _onnx
