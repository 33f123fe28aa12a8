"""Torch modules to ONNX, and as the originals that conversions are compared with."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.inference.tensors import Array
from model_packaging.conversion import Conversion
from model_packaging.errors import ConversionError
from model_packaging.example_inputs import ExampleInputs
from model_packaging.manifest import ModelSpec
from model_packaging.onnx_graph import name_axes, rename, strip
from model_packaging.quiet import quiet

if TYPE_CHECKING:
    from onnx import ModelProto


def export_module(spec: ModelSpec, module: Any, examples: ExampleInputs) -> Conversion:
    """A module that is ready for inference, traced with these inputs.

    Raises:
        ConversionError: it has no ONNX form, or fixes an axis that is said to be free.
    """
    import torch

    reference = TorchReference(spec, module, tuple(examples.arrays))
    outputs = reference.names(examples.arrays)
    shapes = tuple(dict.fromkeys(each, torch.export.Dim.DYNAMIC) for each in examples.axes.values())
    tensors = tuple(map(as_tensor, examples.arrays.values()))
    program = attempt(
        spec, lambda: torch.export.export(module, tensors, dynamic_shapes=shapes, strict=False)
    )
    return named(export_program(spec, program), examples, outputs, reference)


def export_program(spec: ModelSpec, program: Any) -> "ModelProto":
    """An exported program as ONNX, with the exporter's names.

    Raises:
        ConversionError: it has no ONNX form.
    """
    import torch

    exported = attempt(spec, lambda: torch.onnx.export(program, dynamo=True, verbose=False))
    model: ModelProto = exported.model_proto
    return model


def named(
    model: "ModelProto",
    examples: ExampleInputs,
    outputs: Sequence[str],
    reference: "TorchReference",
) -> Conversion:
    """The conversion, with the names that callers are told of.

    They are given here rather than by the exporter, which lets them collide with inner ones.
    """
    rename(model, list(examples.arrays), outputs)
    name_axes(model, examples.axes)
    strip(model)
    given = examples.arrays if examples.real else None
    return Conversion(model.SerializeToString(deterministic=True), reference, given)


class TorchReference:
    """The original as `conversion.Model`: arrays in by name, arrays out by name."""

    def __init__(self, spec: ModelSpec, module: Any, inputs: Sequence[str]) -> None:
        self._name, self._module, self._inputs = spec.name, module, inputs
        self._outputs = list(spec.original.outputs)

    def names(self, arrays: Mapping[str, Array]) -> list[str]:
        """Names of the outputs, from what the model gives for these arrays.

        Raises:
            ConversionError: it does not take them, or gives other than tensors.
        """
        try:
            given = self._answer(arrays)
        except ValueError as error:
            reason = f"cannot be run on its example inputs: {error}"
            raise ConversionError(self._name, reason) from error
        found = list(given)
        if self._outputs and len(self._outputs) != len(found):
            reason = f"gives {len(found)} outputs, the manifest names {len(self._outputs)}"
            raise ConversionError(self._name, reason)
        self._outputs = self._outputs or found
        return self._outputs

    def __call__(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run the model; ValueError when it does not take the arrays."""
        return dict(zip(self._outputs, self._answer(inputs).values(), strict=True))

    def _answer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        import torch

        tensors = [as_tensor(inputs[name]) for name in self._inputs]
        try:
            with torch.no_grad(), quiet():
                answer = self._module(*tensors)
        except Exception as error:  # the user's code raises what it likes
            raise ValueError(str(error).partition("\n")[0] or repr(error)) from error
        return {name: self._array(name, value) for name, value in _parts(answer)}

    def _array(self, name: str, value: Any) -> Array:
        import torch

        if not isinstance(value, torch.Tensor):
            reason = f"gives a {type(value).__name__} as '{name}'; only tensors are served"
            raise ConversionError(self._name, reason)
        array: Array = value.detach().numpy()
        return array


def _parts(answer: Any) -> list[tuple[str, Any]]:
    if isinstance(answer, Mapping):
        return [(str(key), value) for key, value in answer.items() if value is not None]
    if isinstance(answer, list | tuple):
        return [(f"output_{index}", value) for index, value in enumerate(answer)]
    return [("output", answer)]


def as_tensor(array: Array) -> Any:
    """The array as a tensor of the same dtype."""
    import torch

    return torch.from_numpy(np.array(array))  # a copy: torch warns of arrays it must not write to


def attempt(spec: ModelSpec, export: Callable[[], Any]) -> Any:
    """What `export` gives.

    Raises:
        ConversionError: it gives up; of torch's pages, the text says what stopped it.
    """
    try:
        return export()
    except Exception as error:  # exporters raise whatever their code runs into
        raise ConversionError(spec.name, _reason(error)) from error


def _reason(error: Exception) -> str:
    """What stopped the export, of the pages that torch writes about it."""
    text = " ".join(str(error).split())
    if "Constraints violated" in text:
        said = text.partition(" - ")[2].partition(". ")[0]
        return f"fixes an axis that models.yaml leaves free: {said}; state its size as a number"
    missing = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", text)
    if missing:
        return f"has no ONNX form: ONNX lacks {missing[1]}; compute it outside the model"
    return f"has no ONNX form: {text[:300]}"
