"""PyTorch: state dicts with their class, exported programs and TorchScript.

What a file holds is told by its contents, whatever it is called:

- a state dict (`torch.save(model.state_dict(), "model.pt")`, or `.safetensors`), also within a
  training checkpoint such as Lightning's: the manifest names the `class`, whose code lies beside
  it, and `inputs` or `examples`;
- a whole pickled module: the same without `class`, and only with `trust: true`, as it runs code;
- an exported program (`torch.export.save`): brings its inputs, and which axes are free;
- TorchScript (`torch.jit.save`): the manifest names `inputs` or `examples`.

Outputs are called as the manifest says, else by the keys of a dict that the model gives, else
`output` or `output_0`, `output_1`... Nested ones are taken apart: `output_1_0`. An output of an
input's name gets `_output` behind it.
"""

import inspect
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from lading.model_packaging.check.example_inputs import ExampleInputs, example_inputs
from lading.model_packaging.conversion import Conversion, tool_versions
from lading.model_packaging.converters.pytorch.checkpoint import (
    damaged,
    is_safetensors,
    read_module,
)
from lading.model_packaging.converters.pytorch.export import (
    edge_probes,
    export_module,
    export_program,
    most_rows,
    named,
    trace,
)
from lading.model_packaging.converters.pytorch.reference import TorchReference, as_array
from lading.model_packaging.errors import ConversionError, ManifestError, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH
from lading.model_packaging.measure.holdout import read_arrays
from lading.model_packaging.quiet import quiet
from lading.model_packaging.sources.archive import require_harmless

CHECKED_ROWS = 64
"""Requests of so many rows are compared."""

_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
"""torch's own switch: whatever loads a pickle then refuses code."""


class PytorchConverter:
    """See `conversion.Converter`."""

    framework = "pytorch"
    suffixes = (".pt", ".pth", ".pt2", ".safetensors", ".ckpt", ".bin")
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
        kind = _kind(spec)
        if kind is not _checkpoint and spec.class_path:
            reason = "is needed for weights alone; this file brings its own code: remove it"
            raise ManifestError(spec.place("class"), reason)
        _require_numbers(spec)
        with quiet():
            return kind(spec)


CONVERTER = PytorchConverter()


def _kind(spec: ModelSpec) -> Callable[[ModelSpec], Conversion]:
    """What converts this file, by the names in its archive."""
    if is_safetensors(spec) or not zipfile.is_zipfile(spec.source):
        return _checkpoint
    with zipfile.ZipFile(spec.source) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    if "models/model.json" in names:
        return _program
    return _script if "constants.pkl" in names else _checkpoint


def _require_numbers(spec: ModelSpec) -> None:
    """Refuse inputs of text, of which PyTorch has no tensors."""
    texts = [name for name, each in spec.inputs.items() if each.datatype == "BYTES"]
    if spec.examples and not spec.inputs:
        arrays = read_arrays(spec, "examples", spec.examples)
        texts += [name for name, array in arrays.items() if array.dtype.kind in "OSU"]
    for name in texts:
        reason = (
            f"'{name}' is text, and PyTorch has no tensors of text; give the ids that forward "
            "takes, and let your tokenizer make them in code:, or package a Hugging Face folder"
        )
        raise ManifestError(spec.place("examples" if spec.examples else "inputs"), reason)


def _checkpoint(spec: ModelSpec) -> Conversion:
    """A module of the user's class, with weights from the file."""
    module = read_module(spec).eval()
    return export_module(spec, module, _examples(spec, module))


def _examples(spec: ModelSpec, module: Any) -> ExampleInputs:
    """What to trace the module with; a module that takes nothing needs nothing."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        takes_nothing = len(module.forward.schema.arguments) == 1  # itself
    else:
        takes_nothing = not inspect.signature(module.forward).parameters
    stated = spec.inputs or spec.examples
    return (
        ExampleInputs({}, {}, real=False) if takes_nothing and not stated else example_inputs(spec)
    )


def _program(spec: ModelSpec) -> Conversion:
    import torch

    if spec.inputs or spec.examples:
        key = "inputs" if spec.inputs else "examples"
        raise ManifestError(spec.place(key), "stand in the exported program itself; remove this")
    with _forced_weights_only(forced=not spec.trust):
        program = _read(spec, lambda: torch.export.load(spec.source))
    if program.example_inputs is None or program.example_inputs[1]:
        raise ConversionError(spec.name, "takes keyword arguments; export it with positional ones")
    inputs = tuple(program.graph_signature.user_inputs)
    given = program.example_inputs[0]
    if len(inputs) != len(given) or not all(isinstance(each, torch.Tensor) for each in given):
        raise ConversionError(spec.name, "takes other than plain tensors")
    arrays = {name: as_array(each) for name, each in zip(inputs, given, strict=True)}
    axes = {
        name: {axis: BATCH if axis == 0 else f"{name}_{axis}" for axis in range(array.ndim)}
        for name, array in arrays.items()
    }
    reference = TorchReference(spec, program.module(), inputs)
    examples = ExampleInputs(arrays, axes, real=False)
    most = most_rows(program, examples)
    if most is not None and most < CHECKED_ROWS:
        reason = (
            f"takes at most {most} rows, as it was exported; export it for {CHECKED_ROWS} or more"
        )
        raise ConversionError(spec.name, reason)
    outputs = reference.names(arrays)
    conversion = named(spec, export_program(spec, program), examples, outputs, reference)
    edges = edge_probes(program, examples)
    return replace(conversion, probes=(*conversion.probes, *edges))


def _script(spec: ModelSpec) -> Conversion:
    import torch

    module = _read(spec, lambda: torch.jit.load(spec.source, map_location="cpu")).eval()
    examples = _examples(spec, module)
    reference = TorchReference(spec, module, tuple(examples.arrays))
    outputs = reference.names(examples.arrays)
    return named(spec, trace(spec, module, examples, len(outputs)), examples, outputs, reference)


def _read(spec: ModelSpec, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except UnpicklingError as error:
        reason = str(error).partition("\n")[0]
        raise SourceUntrusted(spec.name, spec.source, [f"it holds a pickle: {reason}"]) from error
    except Exception as error:  # a damaged file raises anything
        raise damaged(spec, error) from error


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
