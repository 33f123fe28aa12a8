"""Names, shapes and axes of inputs and outputs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from lading.model_packaging.errors import ManifestError, likely
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH, InputShape

_UNSTATED = InputShape(()).datatype
_ANY_SIZE = 8


def distinct(outputs: Iterable[str], inputs: Collection[str]) -> list[str]:
    """Names of outputs; one that an input has already gets another, as ONNX wants."""
    return [f"{name}_output" if name in inputs else name for name in outputs]


def restated(spec: ModelSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs' `tf.TensorSpec`s with the sizes that the manifest gives their free axes.

    Raises:
        ManifestError: it names an input that there is not, or says otherwise than the model.
    """
    import tensorflow as tf

    for name in spec.inputs:
        if name not in inputs:
            reason = f"'{name}' is not an input of the model, which has {', '.join(inputs)}"
            raise ManifestError(spec.place("inputs"), reason, likely(name, inputs))
    stated = {
        name: tf.TensorSpec(_shape(spec, name, each), each.dtype)
        for name, each in inputs.items()
        if name in spec.inputs
    }
    return {**inputs, **stated}


def _shape(spec: ModelSpec, name: str, tensor: Any) -> list[int | None]:
    """The shape that the manifest gives an input, which must be one that the model has."""
    stated = spec.inputs[name]
    sizes = [size if isinstance(size, int) else None for size in stated.shape]
    if stated.datatype not in (_UNSTATED, _datatype(tensor)):
        reason = f"says {stated.datatype} of '{name}', the model takes {_datatype(tensor)}"
        raise ManifestError(spec.place("inputs"), reason)
    if not tensor.shape.is_compatible_with(sizes):
        reason = f"gives '{name}' the shape {list(stated.shape)}, the model has {tensor.shape}"
        raise ManifestError(spec.place("inputs"), reason)
    return list(tensor.shape.merge_with(sizes))


def _datatype(tensor: Any) -> str:
    import numpy as np

    from lading.functions.inference.tensors.conversion import DTYPES

    found = np.dtype(tensor.dtype.as_numpy_dtype)
    return next((name for name, dtype in DTYPES.items() if dtype == found), tensor.dtype.name)


def axis_words(spec: ModelSpec, name: str, rank: int) -> Sequence[str]:
    """Words for the axes of an input, used where they are free."""
    stated = spec.inputs.get(name)
    words = [f"{name}_{axis}" if axis else BATCH for axis in range(rank)]
    if stated is None:
        return words
    return [
        size if isinstance(size, str) else word
        for size, word in zip(stated.shape, words, strict=True)
    ]


def fixing_advice(inputs: Mapping[str, Any]) -> str:
    """How the manifest gives free axes a size, beside the batch; empty where there are none."""
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
