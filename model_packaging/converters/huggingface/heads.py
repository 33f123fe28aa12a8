"""What a classifier's scores are, as the pipelines of transformers compute them.

Logits become scores by the function that config.json names in `function_to_apply`; else a
regression's stay as they are, those of several labels at once and of one label go through a
sigmoid, and all others through a softmax. The pipeline for tokens knows the softmax only.
"""

from dataclasses import dataclass
from typing import Any

from lading.model_packaging.converters.huggingface.folder import CONFIG, Folder
from lading.model_packaging.errors import ConversionError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.steps.labels import TOP

_FUNCTIONS = ("sigmoid", "softmax", "none")


@dataclass(frozen=True, slots=True)
class Head:
    """How a classifier answers.

    Args:
        labels: of classes, in the model's order.
        function: `softmax`, `sigmoid` or `none`.
        stated: the function that config.json names, for the pipeline; None where it names none.
        top: how many labels are given.
    """

    labels: tuple[str, ...]
    function: str
    stated: str | None
    top: int


def head_of(spec: ModelSpec, folder: Folder, config: Any) -> Head:
    """The head of a model with this configuration of transformers.

    Raises:
        SourceUnreadable: its labels are not numbered from 0.
        ConversionError: it names a function that the pipeline does not apply.
    """
    labels = _labels(spec, config)
    stated = folder.function or None
    if folder.kind == "tokens":
        if stated not in (None, "softmax"):
            reason = f"states function_to_apply: {stated}; the pipeline for tokens applies softmax"
            raise ConversionError(spec.name, f"{reason}; remove it from {CONFIG}")
        return Head(labels, "softmax", None, 1)
    if stated not in (None, *_FUNCTIONS):
        known = ", ".join(_FUNCTIONS)
        reason = f"states function_to_apply: {stated} in {CONFIG}; {known} are served"
        raise ConversionError(spec.name, reason)
    function = stated or _function(config)
    return Head(labels, function, stated, min(TOP, len(labels)))


def scores(function: str, logits: Any) -> Any:
    """Scores of classes [..., classes] from a torch tensor of logits of the same shape."""
    import torch

    if function == "none":
        return logits
    return torch.sigmoid(logits) if function == "sigmoid" else torch.softmax(logits, dim=-1)


def _labels(spec: ModelSpec, config: Any) -> tuple[str, ...]:
    try:
        return tuple(str(config.id2label[index]) for index in range(config.num_labels))
    except (KeyError, TypeError) as error:
        reason = f"has labels that are not numbered from 0 to {config.num_labels - 1}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error


def _function(config: Any) -> str:
    if config.problem_type == "regression":
        return "none"
    several = config.problem_type == "multi_label_classification"
    return "sigmoid" if several or config.num_labels == 1 else "softmax"
