"""What boosted models answer, whichever library trained them.

Numbers keep the type in which the library computes them. The outputs are

- a classifier: `label` [rows], int64, and `probabilities` [rows, classes];
- a multilabel classifier: both of shape [rows, labels];
- everything else: `prediction` [rows, targets].
"""

from typing import Final, Literal

import numpy as np

from lading.functions.inference.artifact.specification import NativeSection
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.tensors.conversion import Array

Answers = Literal["two classes", "classes", "labels", "numbers"]
"""What the numbers of a booster mean; of two classes, they are the probability of the second."""

INPUT: Final = "X"
"""The name of a booster's only input, [rows, columns]."""
HALF: Final = 0.5


def require_columns(section: NativeSection, found: int) -> None:
    """Check that a booster has the columns that its section states.

    Raises:
        SessionError: it has others.
    """
    stated = section.inputs[0].shape[1]
    if found != stated:
        raise SessionError(ValueError(f"it has {found} columns, and its artifact states {stated}"))


def named_answers(kind: Answers, answers: Array, dtype: np.dtype[np.floating]) -> dict[str, Array]:
    """Return a booster's numbers by the names of its outputs.

    Args:
        kind: what they mean.
        answers: what the library's `predict` returned: [rows] or [rows, targets].
        dtype: the type of the numbers to return.
    """
    numbers = answers.astype(dtype, copy=False)
    if kind == "numbers":
        return {"prediction": numbers[:, np.newaxis] if numbers.ndim == 1 else numbers}
    if answers.ndim == 1:
        answers = np.stack([1 - answers, answers], axis=1)
        numbers = answers.astype(dtype, copy=False)
    label = answers > HALF if kind == "labels" else answers.argmax(axis=1)
    return {"label": label.astype(np.int64), "probabilities": numbers}
