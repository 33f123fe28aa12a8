"""A signature: names, shapes and types of what a model takes and returns, and the original."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.converters.tensorflow.frozen import Frozen

_COLOR = re.compile(r"\x1b\[[0-9;]*m")

Answer = Callable[[Mapping[str, Array]], Sequence[Any]]
"""The original: takes an array per input by name, returns an array per output in their order."""


def one_line(error: Exception) -> str:
    """What an exception says, without the line ends and colors that TensorFlow and Keras use."""
    return " ".join(_COLOR.sub("", str(error)).split())


@dataclass(frozen=True, slots=True)
class SavedSignature:
    """One signature of a model.

    Args:
        inputs: a `tf.TensorSpec` of each input, by its name.
        outputs: names of the outputs.
        answer: the original's public call.
        freeze: returns the graph, whose inputs and outputs have these names; None where what
            converts the model reads its file itself.
        unrounded: whether the original takes float64 where the inputs are float32.
        domains: the values that the original takes, where it refuses others, by input.
        checks: names of the layers that refuse those others.
    """

    inputs: Mapping[str, Any]
    outputs: Sequence[str]
    answer: Answer
    freeze: Callable[[], Frozen] | None = None
    unrounded: bool = False
    domains: Mapping[str, Domain] = field(default_factory=dict)
    checks: frozenset[str] = frozenset()

    def reference(self) -> Model:
        """The original as the check calls it: ValueError for rows that it does not take."""

        def call(inputs: dict[str, Array]) -> dict[str, Array]:
            try:
                answers = [np.asarray(each) for each in self.answer(inputs)]
            except Exception as error:  # TensorFlow's errors share no base class
                raise ValueError(one_line(error)) from error
            return dict(zip(self.outputs, answers, strict=True))

        return call
