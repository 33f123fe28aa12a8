"""PyTorch: state dicts with their class, exported programs and TorchScript.

What a file holds is told by its contents, whatever it is called:

- a state dict (`torch.save(model.state_dict(), "model.pt")`, or `.safetensors`): the manifest names
  the `class`, whose code lies beside it, and `inputs` or `examples`;
- a whole pickled module: the same without `class`, and only with `trust: true`, as it runs code;
- an exported program (`torch.export.save`): brings its inputs, and which axes are free;
- TorchScript (`torch.jit.save`): the manifest names `inputs` or `examples`.

Outputs are called as the manifest says, else by the keys of a dict that the model gives, else
`output` or `output_0`, `output_1`...
"""

import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from model_packaging.conversion import Conversion, tool_versions
from model_packaging.errors import ConversionError, ManifestError, SourceUnreadable, SourceUntrusted
from model_packaging.example_inputs import ExampleInputs, example_inputs
from model_packaging.manifest import ModelSpec
from model_packaging.original import BATCH
from model_packaging.quiet import quiet
from model_packaging.source_archive import require_harmless
from model_packaging.torch_export import (
    TorchReference,
    as_tensor,
    attempt,
    export_module,
    export_program,
    named,
)
from model_packaging.user_code import load_class

_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
"""torch's own switch: whatever loads a pickle then refuses code."""


_LENGTH = 8
"""Bytes at the start of a safetensors file: the length of the JSON that follows."""


class PytorchConverter:
    """See `conversion.Converter`."""

    framework = "pytorch"
    suffixes = (".pt", ".pth", ".pt2", ".safetensors")
    contents: tuple[str, ...] = ()
    keys = ("class", "inputs", "examples", "outputs")

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "pytorch", "torch", "onnx", "onnxscript")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        require_harmless(spec)
        kind = _kind(spec.source)
        if kind is not _checkpoint and spec.original.class_path:
            reason = "is needed for weights alone; this file brings its own code: remove it"
            raise ManifestError(spec.place("class"), reason)
        with quiet():
            return kind(spec)


CONVERTER = PytorchConverter()


def _kind(source: Path) -> Callable[[ModelSpec], Conversion]:
    """What converts this file, by the names in its archive."""
    if _is_safetensors(source) or not zipfile.is_zipfile(source):
        return _checkpoint
    with zipfile.ZipFile(source) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    if "models/model.json" in names:
        return _program
    return _script if "constants.pkl" in names else _checkpoint


def _is_safetensors(source: Path) -> bool:
    """By its content too: with `framework: pytorch` a file may have any suffix."""
    with source.open("rb") as stream:
        length, brace = stream.read(_LENGTH), stream.read(1)
    held = len(length) == _LENGTH and int.from_bytes(length, "little") < source.stat().st_size
    return source.suffix == ".safetensors" or (held and brace == b"{")


def _checkpoint(spec: ModelSpec) -> Conversion:
    """A module of the user's class, with weights from the file."""
    given = _load_weights(spec)
    module = given if hasattr(given, "forward") else _with_weights(spec, given)
    return export_module(spec, module.eval(), example_inputs(spec))


def _load_weights(spec: ModelSpec) -> Any:
    import torch

    if _is_safetensors(spec.source):
        from safetensors.torch import load_file

        return _read(spec, lambda: load_file(spec.source))
    try:
        return torch.load(spec.source, map_location="cpu", weights_only=not spec.trust)
    except UnpicklingError as error:
        refused = [line for line in str(error).splitlines() if "GLOBAL" in line]
        if not refused:
            raise _damaged(spec, error) from error
        advice = "save its state_dict() alone instead, and name its class"
        raise SourceUntrusted(spec.name, spec.source, [refused[0].strip(), advice]) from error
    except Exception as error:  # damaged files, and code that they bring along, raise anything
        raise _damaged(spec, error) from error


def _with_weights(spec: ModelSpec, weights: Any) -> Any:
    import torch

    if not isinstance(weights, Mapping):
        reason = f"holds a {type(weights).__name__}, neither weights nor a module"
        raise SourceUnreadable(spec.name, spec.source, reason)
    if not spec.original.class_path:
        example = "such as networks.digits:Network, for models.yaml's neighbour networks/digits.py"
        reason = f"is needed, since {spec.source.name} holds weights alone: module:Name, {example}"
        raise ManifestError(spec.place("class"), reason)
    try:
        module = load_class(spec)()
    except Exception as error:
        if isinstance(error, ManifestError):
            raise
        reason = f"cannot be made without arguments: {error!r}"
        raise ManifestError(spec.place("class"), reason) from error
    if not isinstance(module, torch.nn.Module):
        raise ManifestError(spec.place("class"), f"makes a {type(module).__name__}, no nn.Module")
    try:
        module.load_state_dict(weights)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise SourceUnreadable(
            spec.name, spec.source, f"does not fit its class: {reason}"
        ) from error
    return module


def _program(spec: ModelSpec) -> Conversion:
    import torch

    if spec.original.inputs or spec.original.examples:
        key = "inputs" if spec.original.inputs else "examples"
        raise ManifestError(spec.place(key), "stand in the exported program itself; remove this")
    with _forced_weights_only(forced=not spec.trust):
        program = _read(spec, lambda: torch.export.load(spec.source))
    if program.example_inputs is None or program.example_inputs[1]:
        raise ConversionError(spec.name, "takes keyword arguments; export it with positional ones")
    inputs = tuple(program.graph_signature.user_inputs)
    given = program.example_inputs[0]
    if len(inputs) != len(given) or not all(isinstance(each, torch.Tensor) for each in given):
        raise ConversionError(spec.name, "takes other than plain tensors")
    arrays = {name: each.detach().numpy() for name, each in zip(inputs, given, strict=True)}
    axes = {
        name: {axis: BATCH if axis == 0 else f"{name}_{axis}" for axis in range(array.ndim)}
        for name, array in arrays.items()
    }
    reference = TorchReference(spec, program.module(), inputs)
    examples = ExampleInputs(arrays, axes, real=False)
    return named(export_program(spec, program), examples, reference.names(arrays), reference)


def _script(spec: ModelSpec) -> Conversion:
    import torch
    from onnx import load_model_from_string

    module = _read(spec, lambda: torch.jit.load(spec.source, map_location="cpu")).eval()
    examples = example_inputs(spec)
    reference = TorchReference(spec, module, tuple(examples.arrays))
    outputs = reference.names(examples.arrays)
    exported = io.BytesIO()
    attempt(
        spec,
        lambda: torch.onnx.export(
            module,
            tuple(map(as_tensor, examples.arrays.values())),
            exported,
            dynamo=False,
            input_names=tuple(examples.arrays),  # without names it makes no axis free
            output_names=tuple(f"given_{name}" for name in outputs),
            dynamic_axes=examples.axes,
        ),
    )
    model = load_model_from_string(exported.getvalue())
    return named(model, examples, outputs, reference)


def _read(spec: ModelSpec, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except UnpicklingError as error:
        reason = str(error).partition("\n")[0]
        raise SourceUntrusted(spec.name, spec.source, [f"it holds a pickle: {reason}"]) from error
    except Exception as error:  # a damaged file raises anything
        raise _damaged(spec, error) from error


def _damaged(spec: ModelSpec, error: Exception) -> SourceUnreadable:
    said = str(error).strip().partition("\n")[0][:200]
    reason = said if " " in said else f"{type(error).__name__} {said}".strip()
    return SourceUnreadable(
        spec.name, spec.source, f"is damaged or no file that PyTorch saves: {reason}"
    )


@contextmanager
def _forced_weights_only(*, forced: bool) -> Iterator[None]:
    """`torch.export.load` otherwise falls back to unpickling anything."""
    before = os.environ.get(_WEIGHTS_ONLY)
    if forced:
        os.environ[_WEIGHTS_ONLY] = "1"
    try:
        yield
    finally:
        os.environ.pop(_WEIGHTS_ONLY, None)
        if before is not None:
            os.environ[_WEIGHTS_ONLY] = before
