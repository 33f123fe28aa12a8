"""Inputs to trace a model with: the manifest's examples, or generated from its shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import DTYPES, Array, check_signature
from lading.model_packaging.check.samples import SEED, batch_of, made_up
from lading.model_packaging.errors import DataUnusable, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH, InputShape
from lading.model_packaging.measure.holdout import read_arrays, read_rows

_FIRST_SIZE = 3
"""Tracers treat sizes 0 and 1 as constants, and two axes must not have the same size."""


@dataclass(frozen=True, slots=True)
class ExampleInputs:
    """Arrays by name, in the model's order, and the names of their free axes.

    `axes` holds, for each input, axis -> name. `real` is true for given examples.
    """

    arrays: Mapping[str, Array]
    axes: Mapping[str, Mapping[int, str]]
    real: bool


def example_inputs(spec: ModelSpec) -> ExampleInputs:
    """Return inputs for a model whose file does not describe them.

    Raises:
        ManifestError: the manifest has neither `inputs` nor `examples`, or both.
        DataUnusable: the examples are damaged or of types that no tensor has.
    """
    if bool(spec.inputs) == (spec.examples is not None):
        problem = "are both given; keep one" if spec.inputs else "are needed: shapes or examples"
        example = "such as inputs: {x: {shape: [batch, 64]}}"
        raise ManifestError(spec.place("inputs"), f"inputs or examples {problem}, {example}")
    if spec.examples is not None:
        return _given(spec)
    return _from_shapes(spec.inputs)


def fitting_examples(spec: ModelSpec, specs: Sequence[TensorSpec]) -> dict[str, Array]:
    """Return the manifest's examples for a model whose file describes its inputs.

    Raises:
        DataUnusable: they are damaged, or do not fit the model.
    """
    path, place = spec.examples, spec.place("examples")
    assert path is not None
    arrays = read_arrays(spec, "examples", path)
    names = [each.name for each in specs]
    for name in arrays:
        if name not in names:
            reason = f"has '{name}', which is not an input; the inputs are {', '.join(names)}"
            raise DataUnusable(spec.name, str(path), reason, place)
    if batch_of(specs) is not None:
        return read_rows(spec, "examples", path, specs).inputs
    try:
        check_signature(arrays, specs)
    except InvalidInput as error:
        reason = f"does not fit the model: {error}"
        raise DataUnusable(spec.name, str(path), reason, place) from error
    return arrays


def _given(spec: ModelSpec) -> ExampleInputs:
    path = spec.examples
    assert path is not None
    arrays = read_arrays(spec, "examples", path)
    for name, array in arrays.items():
        if array.dtype not in DTYPES.values() or not array.size:
            reason = f"has '{name}' of dtype {array.dtype} and shape {list(array.shape)}"
            raise DataUnusable(
                spec.name,
                str(path),
                f"{reason}; save numbers, booleans or texts, at least one element",
            )
    axes = {name: {0: BATCH} if array.ndim else {} for name, array in arrays.items()}
    return ExampleInputs(arrays, axes, real=True)


def _from_shapes(inputs: Mapping[str, InputShape]) -> ExampleInputs:
    generator = np.random.default_rng(SEED)
    words = {size for each in inputs.values() for size in each.shape if isinstance(size, str)}
    sizes = {word: _FIRST_SIZE + 2 * index for index, word in enumerate(sorted(words))}
    arrays, axes = {}, {}
    for name, each in inputs.items():
        shape = tuple(sizes[size] if isinstance(size, str) else size for size in each.shape)
        arrays[name] = made_up(generator, each.datatype, shape)
        axes[name] = {axis: it for axis, it in enumerate(each.shape) if isinstance(it, str)}
    return ExampleInputs(arrays, axes, real=False)
