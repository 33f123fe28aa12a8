"""The step `labels`, which adds names for the scores of a model's classes as outputs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lading.functions.inference.artifact.specification import TensorSpec

_STEP: Final = "labels"

TOP = 5
"""The default number of labels; fewer for fewer classes."""


def label_options(scores: str, labels: Sequence[str], top: int) -> dict[str, Any]:
    """Return the step in the form of artifact.json."""
    return {"step": _STEP, "scores": scores, "labels": list(labels), "top": top}


def labels_of(steps: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the labels of each output that steps of this kind name; none that stand twice."""
    named = {step["scores"]: tuple(step["labels"]) for step in steps if step["step"] == _STEP}
    return {scores: each for scores, each in named.items() if len(set(each)) == len(each)}


def label_outputs(scores: TensorSpec, top: int) -> tuple[TensorSpec, TensorSpec]:
    """Return `label` and `score`, of shape [..., top], or [...] if `top` is 1."""
    shape = (*scores.shape[:-1], top) if top > 1 else scores.shape[:-1]
    return TensorSpec("label", "BYTES", shape), TensorSpec("score", scores.datatype, shape)
