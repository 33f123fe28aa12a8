"""PyTorch: state dicts with their class, exported programs and TorchScript.

The kind of a file is detected from its contents, not from its suffix:

- a state dict (`torch.save(model.state_dict(), "model.pt")`, or `.safetensors`), also within a
  training checkpoint such as Lightning's: the manifest names the `class`, whose code is in a file
  beside it, and `inputs` or `examples`;
- a whole pickled module: the same without `class`, and only with `trust: true`, as it runs code;
- an exported program (`torch.export.save`): states its inputs, and which axes are free;
- TorchScript (`torch.jit.save`): the manifest names `inputs` or `examples`.

Outputs have the names that the manifest states, else the keys of a dict that the model returns,
else `output` or `output_0`, `output_1`... Nested ones are flattened: `output_1_0`. An output with
the name of an input gets the suffix `_output`.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pickle import UnpicklingError
from typing import Any

from lading.model_packaging.check.example_inputs import ExampleInputs, example_inputs
from lading.model_packaging.conversion import Conversion, Converter, tool_versions
from lading.model_packaging.converters.framework_errors import first_line, reading
from lading.model_packaging.converters.pytorch.checkpoint import (
    DAMAGED,
    is_safetensors,
    read_module,
)
from lading.model_packaging.converters.pytorch.export import (
    conversion_of,
    export_module,
    export_program,
    most_rows,
    trace,
)
from lading.model_packaging.converters.pytorch.reference import TorchReference, as_array
from lading.model_packaging.converters.pytorch.refusals import pooling_of_free_axes
from lading.model_packaging.errors import ConversionError, ManifestError, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH
from lading.model_packaging.measure.holdout import read_arrays
from lading.model_packaging.quiet import quiet, torch_weights_only
from lading.model_packaging.sources.archive import require_harmless
from lading.model_packaging.sources.torch_archive import TorchArchive, torch_archive

CHECKED_ROWS = 64
"""The number of rows in the largest request that is compared."""


@quiet()
def _convert(spec: ModelSpec) -> Conversion:
    require_harmless(spec)
    kind = _kind(spec)
    if kind is not _checkpoint and spec.class_path:
        reason = "is only for files of weights; this file contains its own code: remove it"
        raise ManifestError(spec.place("class"), reason)
    _require_numbers(spec)
    return kind(spec)


def _tools(spec: ModelSpec) -> dict[str, str]:
    return tool_versions(spec, "pytorch", "torch", "onnx", "onnxscript")


CONVERTER = Converter(
    "pytorch",
    _convert,
    _tools,
    suffixes=(".pt", ".pth", ".pt2", ".safetensors", ".ckpt", ".bin"),
    keys=("class", "inputs", "examples", "outputs"),
)


def _kind(spec: ModelSpec) -> Callable[[ModelSpec], Conversion]:
    """Return the function that converts this file, by the names in its archive."""
    if is_safetensors(spec):
        return _checkpoint
    kinds = {TorchArchive.PROGRAM: _program, TorchArchive.SCRIPT: _script}
    found = torch_archive(spec.source)
    return kinds.get(found, _checkpoint) if found else _checkpoint


def _require_numbers(spec: ModelSpec) -> None:
    """Refuse inputs of text: PyTorch has no tensors of text."""
    texts = [name for name, each in spec.inputs.items() if each.datatype == "BYTES"]
    if spec.examples and not spec.inputs:
        arrays = read_arrays(spec, "examples", spec.examples)
        texts += [name for name, array in arrays.items() if array.dtype.kind in "OSU"]
    for name in texts:
        reason = (
            f"'{name}' is text, and PyTorch has no tensors of text; state the ids that forward "
            "accepts, and compute them in code: with your tokenizer, or package a Hugging Face "
            "folder"
        )
        raise ManifestError(spec.place("examples" if spec.examples else "inputs"), reason)


def _checkpoint(spec: ModelSpec) -> Conversion:
    """Convert a module of the user's class, with weights from the file."""
    module = read_module(spec).eval()
    return export_module(spec, module, _examples(spec, module))


def _examples(spec: ModelSpec, module: Any) -> ExampleInputs:
    """Return inputs to trace the module with; none for a module without inputs."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        without_inputs = len(module.forward.schema.arguments) == 1  # only itself
    else:
        without_inputs = not inspect.signature(module.forward).parameters
    if without_inputs and not (spec.inputs or spec.examples):
        return ExampleInputs({}, {}, real=False)
    return example_inputs(spec)


def _program(spec: ModelSpec) -> Conversion:
    import torch

    if spec.inputs or spec.examples:
        key = "inputs" if spec.inputs else "examples"
        raise ManifestError(spec.place(key), "are part of the exported program; remove this")
    # torch.export.load otherwise falls back to unpickling anything.
    with nullcontext() if spec.trusts_all else torch_weights_only(), _unpickling(spec):
        program = torch.export.load(spec.source)
    examples = _examples_of(spec, program)
    _require_sizes(spec, program, examples)
    reference = TorchReference(spec, program.module(), examples.arrays)
    model = export_program(spec, program)
    return conversion_of(spec, model, examples, reference, program)


def _require_sizes(spec: ModelSpec, program: Any, examples: ExampleInputs) -> None:
    """Refuse a program for too few rows, or with layers that have no ONNX form for its sizes."""
    pooling = pooling_of_free_axes(program)
    if pooling:
        advice = "export it with images of one size"
        raise ConversionError(spec.name, f"{pooling}, which has no ONNX form; {advice}")
    most = most_rows(program, examples)
    if most is not None and most < CHECKED_ROWS:
        reason = f"was exported for at most {most} rows; export it for {CHECKED_ROWS} rows or more"
        raise ConversionError(spec.name, reason)


def _examples_of(spec: ModelSpec, program: Any) -> ExampleInputs:
    """Return the inputs with which a program was exported; every axis may be free."""
    import torch

    if program.example_inputs is None or program.example_inputs[1]:
        raise ConversionError(
            spec.name, "has keyword arguments; export it with positional arguments only"
        )
    inputs = tuple(program.graph_signature.user_inputs)
    given = program.example_inputs[0]
    if len(inputs) != len(given) or not all(isinstance(each, torch.Tensor) for each in given):
        reason = "has inputs that are not tensors; export it with tensors as arguments"
        raise ConversionError(spec.name, reason)
    arrays = {name: as_array(each) for name, each in zip(inputs, given, strict=True)}
    axes = {
        name: {axis: f"{name}_{axis}" if axis else BATCH for axis in range(array.ndim)}
        for name, array in arrays.items()
    }
    return ExampleInputs(arrays, axes, real=False)


def _script(spec: ModelSpec) -> Conversion:
    import torch

    with _unpickling(spec):
        module = torch.jit.load(spec.source, map_location="cpu").eval()
    examples = _examples(spec, module)
    reference = TorchReference(spec, module, examples.arrays)
    try:
        model = trace(spec, module, examples, len(reference.outputs))
    except ConversionError as error:
        advice = "engine: native serves the file as it is, in a container"
        raise ConversionError(spec.name, f"{error.reason}; {advice}") from error
    return conversion_of(spec, model, examples, reference)


@contextmanager
def _unpickling(spec: ModelSpec) -> Iterator[None]:
    """Raise SourceError for a file that is damaged, or that contains a pickle."""
    with reading(spec, DAMAGED):
        try:
            yield
        except UnpicklingError as error:
            contents = f"it contains a pickle: {first_line(error)}"
            raise SourceUntrusted(spec.name, spec.source, [contents]) from error
