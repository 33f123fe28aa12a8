"""A classifier's scores, as the pipelines of transformers compute them.

Logits become scores by the function that config.json names in `function_to_apply`. Without it, a
regression's stay as they are, those of several labels at once and of one label go through a
sigmoid, and all others through a softmax. The pipeline for tokens always applies the softmax.
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
    """The labels of a classifier, and the function of its logits.

    Args:
        labels: names of the classes, in the model's order.
        function: `softmax`, `sigmoid` or `none`.
        stated: the function that config.json names, for the pipeline; None if it names none.
        top: the number of labels in an answer.
    """

    labels: tuple[str, ...]
    function: str
    stated: str | None
    top: int


def head_of(spec: ModelSpec, folder: Folder, config: Any) -> Head:
    """Return the head of a model with this configuration of transformers.

    Raises:
        SourceUnreadable: its labels are not numbered from 0.
        ConversionError: it names a function that the pipeline does not support.
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
        reason = f"states function_to_apply: {stated} in {CONFIG}; {known} are supported"
        raise ConversionError(spec.name, reason)
    function = stated or _function(config)
    return Head(labels, function, stated, min(TOP, len(labels)))


def scores(function: str, logits: Any) -> Any:
    """Return scores of classes [..., classes] from a torch tensor of logits of the same shape."""
    import torch

    if function == "none":
        return logits
    return torch.sigmoid(logits) if function == "sigmoid" else torch.softmax(logits, dim=-1)


def _labels(spec: ModelSpec, config: Any) -> tuple[str, ...]:
    try:
        return tuple(str(config.id2label[index]) for index in range(config.num_labels))
    except (KeyError, TypeError) as error:
        reason = f"must have labels numbered from 0 to {config.num_labels - 1} in {CONFIG}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error


def _function(config: Any) -> str:
    if config.problem_type == "regression":
        return "none"
    several = config.problem_type == "multi_label_classification"
    return "sigmoid" if several or config.num_labels == 1 else "softmax"
