"""The accuracy gate that is proposed where a user states none."""

from typing import Final, Literal

import numpy as np

from lading.model_packaging.inspected import Answers
from lading.model_packaging.manifest.entries import Metric
from lading.model_packaging.measure.holdout import truth_of
from lading.model_packaging.tables.table import Column

MAX_DROP: Final = 0.01
_FEW: Final = 50
"""Distinct whole numbers up to which the truth is taken for classes."""


def usual_gate(answers: Answers | Literal[""], truth: Column) -> tuple[Metric, float]:
    """Return the metric for a truth, and the largest drop to accept.

    Args:
        answers: whether the model answers labels or numbers; empty if that is not known.
        truth: the correct answers.
    """
    values = truth_of(truth)
    numbers = values.dtype.kind == "f" and bool((values != np.round(values)).any())
    many = values.dtype.kind in "iu" and len(np.unique(values)) > _FEW
    if answers == "labels" or not (answers == "numbers" or numbers or many):
        return "accuracy", MAX_DROP
    return "rmse", float(f"{max(float(np.std(values)), 1e-6) * MAX_DROP:.2g}")
