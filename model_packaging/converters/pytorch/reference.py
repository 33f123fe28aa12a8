"""PyTorch models as the originals that conversions are compared with: the module's own call."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lading.functions.inference.native.torch_answers import named_tensors
from lading.functions.inference.tensors.bfloat16 import BFloat16, rounded
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.framework_errors import first_line, framework_errors
from lading.model_packaging.converters.pytorch.refusals import PACKED, packs_sequences
from lading.model_packaging.errors import ConversionError, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet


class TorchReference:
    """The original as `conversion.Model`: accepts and returns arrays by name.

    Args:
        spec: the model, from the manifest.
        module: the module in eval mode, or an exported program's.
        arrays: example inputs, in the order of the module's positional arguments.

    Attributes:
        answers: the module's own names of its outputs; see `named_tensors`.
        outputs: names of the outputs, from what the module returns for the examples.

    Raises:
        ConversionError: the module refuses the examples, returns something other than tensors, or
            answers differently when it is called again.
        ManifestError: the manifest gives an output the name of an input.
    """

    def __init__(self, spec: ModelSpec, module: Any, arrays: Mapping[str, Array]) -> None:
        self._spec, self._module, self._inputs = spec, module, tuple(arrays)
        try:
            first, second = self._answer(arrays), self._answer(arrays)
        except ValueError as error:
            if packs_sequences(error):
                raise ConversionError(spec.name, PACKED) from error
            advice = "" if spec.examples else "; give rows that it accepts as examples:"
            reason = f"cannot be run on its example inputs: {error}{advice}"
            raise ConversionError(spec.name, reason) from error
        self._require_same(first, second)
        self.answers = tuple(first)
        self.outputs = self._named(list(first))

    def __call__(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run the model; ValueError if it refuses the arrays."""
        return dict(zip(self.outputs, self._answer(inputs).values(), strict=True))

    def _named(self, found: list[str]) -> list[str]:
        named = list(self._spec.outputs)
        if not named:
            return [f"{name}_output" if name in self._inputs else name for name in found]
        if len(named) != len(found):
            reason = f"returns {len(found)} outputs, the manifest names {len(named)}"
            raise ConversionError(self._spec.name, reason)
        for name in named:
            if name in self._inputs:
                reason = f"names an output '{name}', which is the name of an input; choose another"
                raise ManifestError(self._spec.place("outputs"), reason)
        return named

    def _require_same(self, first: dict[str, Array], second: dict[str, Array]) -> None:
        for name, array in first.items():
            if not np.array_equal(array, second[name], equal_nan=array.dtype.kind == "f"):
                reason = (
                    f"answers the same rows differently when called again ('{name}'): it draws "
                    "random numbers or keeps state between calls; let it do neither in eval mode"
                )
                raise ConversionError(self._spec.name, reason)

    def _answer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        import torch

        for name in self._inputs:
            if name not in inputs:  # the user's own preprocessing may leave one out
                raise ValueError(f"input '{name}' is missing; there are {', '.join(inputs)}")
        tensors = [as_tensor(inputs[name]) for name in self._inputs]
        with (
            framework_errors(lambda error: ValueError(first_line(error))),
            torch.no_grad(),
            quiet(),
        ):
            answer = self._module(*tensors)
        return {name: self._array(name, value) for name, value in named_tensors(answer).items()}

    def _array(self, name: str, value: Any) -> Array:
        import torch

        if not isinstance(value, torch.Tensor):
            reason = f"returns a {type(value).__name__} as '{name}'; only tensors can be served"
            raise ConversionError(self._spec.name, reason)
        if value.is_complex():
            reason = f"returns complex numbers as '{name}'; return torch.view_as_real(...) of them"
            raise ConversionError(self._spec.name, reason)
        try:
            return as_array(value)
        except (TypeError, RuntimeError) as error:  # sparse, quantized and similar tensors
            reason = f"returns a tensor as '{name}' that no array can hold: {error}"
            raise ConversionError(self._spec.name, reason) from error


def as_tensor(array: Array) -> Any:
    """Return the array as a tensor of the same datatype."""
    import torch

    tensor = torch.from_numpy(np.array(array))  # a copy: torch warns of read-only arrays
    return tensor.bfloat16() if isinstance(array, BFloat16) else tensor


def as_array(tensor: Any) -> Array:
    """Return the tensor as an array of the same datatype."""
    import torch

    plain = tensor.detach().resolve_conj().cpu()
    if plain.dtype is torch.bfloat16:
        return rounded(plain.float().numpy())
    array: Array = plain.numpy()
    return array
