"""Names for the scores of a model's classes: the step `labels`, and the outputs that it adds."""

from collections.abc import Sequence
from typing import Any

from lading.functions.inference.artifact.specification import TensorSpec

TOP = 5
"""How many labels are given where nothing is said; fewer of fewer classes."""


def label_options(scores: str, labels: Sequence[str], top: int) -> dict[str, Any]:
    """The step, as `artifact.json` has it."""
    return {"step": "labels", "scores": scores, "labels": list(labels), "top": top}


def label_outputs(scores: TensorSpec, top: int) -> tuple[TensorSpec, TensorSpec]:
    """`label` and `score`, of the shape [..., top], or [...] when `top` is 1."""
    shape = (*scores.shape[:-1], top) if top > 1 else scores.shape[:-1]
    return TensorSpec("label", "BYTES", shape), TensorSpec("score", scores.datatype, shape)
