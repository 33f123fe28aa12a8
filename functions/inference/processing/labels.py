"""From scores to the labels of their classes, the most likely first.

Options: `scores`, the graph's output, [..., classes]; `labels`, the names of the classes in order;
`top`, how many are returned; `softmax`, whether the scores are logits. Returns `label`, BYTES, and
`score`, of the datatype of the scores: [..., top], or [...] when `top` is 1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array


class LabelsStep(Step):
    """The step; see the module."""

    def __init__(self, options: Mapping[str, Any], _files: Mapping[str, bytes]) -> None:
        self._scores, self._top = options["scores"], int(options["top"])
        self._softmax = bool(options.get("softmax"))
        self._labels = np.array([str(each).encode() for each in options["labels"]], np.object_)

    def after(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.after`."""
        scores = arrays[self._scores]
        if self._softmax:
            scores = _softmax(scores)
        # Stable: equal scores keep the order of the classes, on any machine.
        order = np.argsort(-scores, axis=-1, kind="stable")[..., : self._top]
        found = {"label": self._labels[order], "score": np.take_along_axis(scores, order, axis=-1)}
        if self._top == 1:
            found = {name: array[..., 0] for name, array in found.items()}
        return {**found, **arrays}


make = LabelsStep


def _softmax(logits: Array) -> Array:
    """Probabilities; the maximum is subtracted so that no power overflows."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Array = powers / powers.sum(axis=-1, keepdims=True)
    return found
