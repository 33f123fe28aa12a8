"""A signature: names, shapes and types of a model's inputs and outputs, and the original."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.converters.framework_errors import one_line, refusing
from lading.model_packaging.converters.tensorflow.frozen import Frozen
from lading.model_packaging.errors import ManifestError, likely
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH, InputShape

_UNSTATED = InputShape(()).datatype
_ANY_SIZE = 8

Answer = Callable[[Mapping[str, Array]], Sequence[Any]]
"""The original: accepts an array per input by name, returns an array per output in their order."""


@dataclass(frozen=True, slots=True)
class SavedSignature:
    """One signature of a model.

    Args:
        inputs: a `tf.TensorSpec` of each input, by its name.
        outputs: names of the outputs.
        answer: the original's public call.
        freeze: returns the graph, whose inputs and outputs have these names; None if the model is
            converted from its file.
        unrounded: whether the original accepts float64 where the inputs are float32.
        domains: by input, the values that the original accepts, if it refuses others.
        checks: names of the layers that refuse other values.
    """

    inputs: Mapping[str, Any]
    outputs: Sequence[str]
    answer: Answer
    freeze: Callable[[], Frozen] | None = None
    unrounded: bool = False
    domains: Mapping[str, Domain] = field(default_factory=dict)
    checks: frozenset[str] = frozenset()

    def reference(self) -> Model:
        """Return the original as `conversion.Model`."""

        def call(inputs: dict[str, Array]) -> dict[str, Array]:
            answers = map(np.asarray, self.answer(inputs))
            return dict(zip(self.outputs, answers, strict=True))

        return refusing(call, one_line)


def distinct(outputs: Iterable[str], inputs: Collection[str]) -> list[str]:
    """Return names of outputs that no input has, as ONNX requires."""
    return [f"{name}_output" if name in inputs else name for name in outputs]


def restated(spec: ModelSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs' `tf.TensorSpec`s with the sizes that the manifest gives their free axes.

    Raises:
        ManifestError: it names an unknown input, or contradicts the model.
    """
    import tensorflow as tf

    for name in spec.inputs:
        if name not in inputs:
            reason = f"'{name}' is not an input of the model; it has {', '.join(inputs)}"
            raise ManifestError(spec.place("inputs"), reason, likely(name, inputs))
    stated = {
        name: tf.TensorSpec(_shape(spec, name, each), each.dtype)
        for name, each in inputs.items()
        if name in spec.inputs
    }
    return {**inputs, **stated}


def _shape(spec: ModelSpec, name: str, tensor: Any) -> list[int | None]:
    """Return the shape that the manifest gives an input, which must fit the model's."""
    stated = spec.inputs[name]
    sizes = [size if isinstance(size, int) else None for size in stated.shape]
    if stated.datatype not in (_UNSTATED, _datatype(tensor)):
        reason = f"states {stated.datatype} for '{name}', the model has {_datatype(tensor)}"
        raise ManifestError(spec.place("inputs"), reason)
    if not tensor.shape.is_compatible_with(sizes):
        reason = f"gives '{name}' the shape {list(stated.shape)}, the model has {tensor.shape}"
        raise ManifestError(spec.place("inputs"), reason)
    return list(tensor.shape.merge_with(sizes))


def _datatype(tensor: Any) -> str:
    found = np.dtype(tensor.dtype.as_numpy_dtype)
    return next((name for name, dtype in DTYPES.items() if dtype == found), tensor.dtype.name)


def axis_words(spec: ModelSpec, name: str, rank: int) -> Sequence[str]:
    """Return a word for each axis of an input, for those that are free."""
    stated = spec.inputs.get(name)
    words = [f"{name}_{axis}" if axis else BATCH for axis in range(rank)]
    if stated is None:
        return words
    return [
        size if isinstance(size, str) else word
        for size, word in zip(stated.shape, words, strict=True)
    ]


def fixing_advice(inputs: Mapping[str, Any]) -> str:
    """Return how to give the free axes except the batch a size; empty if there are none."""
    free = {
        name: [size or _ANY_SIZE for size in list(each.shape)[1:]]
        for name, each in inputs.items()
        if each.shape.rank is not None and None in list(each.shape)[1:]
    }
    shapes = ", ".join(
        f"{name}: {{shape: [{BATCH}, {', '.join(map(str, sizes))}]}}"
        for name, sizes in free.items()
    )
    return f"give its free axes a size, such as inputs: {{{shapes}}}" if free else ""
