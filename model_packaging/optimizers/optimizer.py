"""What an optimizer is: a stage between the conversion and the accuracy gate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lading.functions.inference.processing.processed import ProcessedSession
from lading.model_packaging.check.trial import Trial
from lading.model_packaging.errors import AccuracyChange
from lading.model_packaging.manifest.models import ModelSpec


@dataclass(frozen=True, slots=True)
class Task:
    """What an optimizer may look at beside the model.

    Args:
        spec: the model's entry in the manifest.
        judge: the accuracy gate on a candidate. Gives None when the manifest has no accuracy, and
            raises AccuracyDropped when the candidate must not be published.
        compare: how many rows a candidate and the original answer alike, as after the conversion.
            Raises ConversionError when they do not.
        trial: runs a candidate beside the model that it was made of.
        callers: the model behind its processing steps, if it has some: rows are what callers send.
    """

    spec: ModelSpec
    judge: Callable[[bytes], AccuracyChange | None]
    compare: Callable[[bytes], int]
    trial: Trial
    callers: ProcessedSession | None = None


@dataclass(frozen=True, slots=True)
class Optimized:
    """What an optimizer made: the model, a line about it, and facts for artifact.json.

    No facts: the model was left as it is, and there is nothing to write down.
    """

    model: bytes
    outcome: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Optimizer(Protocol):
    """One way to make a model smaller or faster; importing its module is cheap.

    `stage` names it, `order` says when it is its turn, and `idle` why it leaves a model alone. One
    that is `exact` changes no answer by more than the check of the conversion allows.
    """

    stage: str
    order: int
    idle: str
    exact: bool

    def options(self, spec: ModelSpec) -> Mapping[str, Any] | None:
        """What the manifest asks of it, as JSON for the identity; None leaves the model alone."""

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:
        """Files that it reads, by the manifest's key."""

    def tools(self, spec: ModelSpec) -> Mapping[str, str]:
        """Versions of the libraries that the outcome depends on, beside onnxruntime's.

        Raises:
            LibraryMissing: one is not installed.
        """

    def optimize(self, task: Task, model: bytes) -> Optimized:
        """Optimize a serialized model; called only when `options` are given.

        Raises:
            PackagingError: it cannot be done to this model; the text says what to do instead.
        """
