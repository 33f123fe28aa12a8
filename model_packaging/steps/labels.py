"""The step `labels`, which adds names for the scores of a model's classes as outputs."""

from collections.abc import Sequence
from typing import Any

from lading.functions.inference.artifact.specification import TensorSpec

TOP = 5
"""The default number of labels; fewer for fewer classes."""


def label_options(scores: str, labels: Sequence[str], top: int) -> dict[str, Any]:
    """Return the step in the form of artifact.json."""
    return {"step": "labels", "scores": scores, "labels": list(labels), "top": top}


def label_outputs(scores: TensorSpec, top: int) -> tuple[TensorSpec, TensorSpec]:
    """Return `label` and `score`, of shape [..., top], or [...] if `top` is 1."""
    shape = (*scores.shape[:-1], top) if top > 1 else scores.shape[:-1]
    return TensorSpec("label", "BYTES", shape), TensorSpec("score", scores.datatype, shape)
