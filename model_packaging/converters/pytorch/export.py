"""Torch modules to ONNX."""

import inspect
import io
import warnings
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.example_inputs import ExampleInputs
from lading.model_packaging.check.graph_probes import decision_probes, size_probes, with_size
from lading.model_packaging.check.probes import Probe
from lading.model_packaging.conversion import Conversion, open_once
from lading.model_packaging.converters.framework_errors import exporting
from lading.model_packaging.converters.pytorch.reference import TorchReference, as_tensor
from lading.model_packaging.converters.pytorch.refusals import (
    FIXES,
    pooling_of_free_axes,
    reason_of,
)
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH
from lading.model_packaging.onnx_graph import name_signature

if TYPE_CHECKING:
    from onnx import ModelProto

_OTHER_SIZES = (1, 2, 4, 11)
"""Sizes of a free axis with which a traced model is run."""

_SETTLED = ("/torch/nn/modules/", "/transformers/masking_utils.py")
"""Modules whose code asks for sizes, but not to answer differently: to check them, and to fill up
masks that are shorter than the states, of which there are none without a cache."""


def export_module(
    spec: ModelSpec, module: Any, examples: ExampleInputs, *, trace_first: bool = False
) -> Conversion:
    """Return the conversion of a module in eval mode, traced with these inputs.

    Args:
        spec: the model, from the manifest.
        module: the module.
        examples: inputs to trace it with.
        trace_first: whether torch's older exporter is tried first. It takes a quarter of the time,
            and its graph is used only if no code depends on the inputs; else, torch.export is used.

    Raises:
        ConversionError: it has no ONNX form, or fixes an axis that is stated to be free.
    """
    reference = TorchReference(spec, module, examples.arrays)
    _require_no_nested_tensors(spec, module, examples, reference)
    if trace_first and (quick := _traced(spec, module, examples, reference)):
        return conversion_of(spec, quick, examples, reference)
    program = None
    try:
        program = _program(spec, module, examples, examples.axes)
        model = export_program(spec, program)
    except ConversionError as error:
        traced = _traced(spec, module, examples, reference) if _is_recurrent(module) else None
        if traced is None:
            raise _with_a_size_that_works(spec, module, examples, error) from error
        model = traced
    return conversion_of(spec, model, examples, reference, program)


def _require_no_nested_tensors(
    spec: ModelSpec, module: Any, examples: ExampleInputs, reference: TorchReference
) -> None:
    """Refuse encoders whose nested tensors change answers: ONNX has none.

    They return zeros for padding, also for a row of padding alone, for which ONNX has no number.

    Raises:
        ConversionError: names the first such encoder.
    """
    import torch

    encoders = {
        path: each
        for path, each in module.named_modules()
        if isinstance(each, torch.nn.TransformerEncoder) and each.use_nested_tensor
    }
    for rows in _padded(examples) if encoders else ():
        try:
            nested = reference(rows)
            for each in encoders.values():
                each.use_nested_tensor = False
            plain = reference(rows)
        except ValueError:
            continue
        finally:
            for each in encoders.values():
                each.use_nested_tensor = True
        if not all(map(_alike, plain.values(), nested.values())):
            reason = (
                f"answers padded rows by nested tensors, which have no ONNX form, in "
                f"TransformerEncoder '{min(encoders)}'; create it with enable_nested_tensor=False"
            )
            raise ConversionError(spec.name, reason)


def _padded(examples: ExampleInputs) -> Iterator[dict[str, Array]]:
    """Yield the examples with ids and masks of padding: a whole row, or all after the first token.

    Padding is 0 in ids and in some masks, and 1 in others.
    """
    for padding in (0, 1):
        for part in (np.s_[:1], np.s_[:, 1:]):
            rows = dict(examples.arrays)
            for name, array in rows.items():
                if array.dtype.kind in "iub" and array.ndim > 1:
                    rows[name] = np.full_like(array, 1 - padding)
                    rows[name][part] = padding
            yield rows


def _program(
    spec: ModelSpec, module: Any, examples: ExampleInputs, axes: Mapping[str, Mapping[int, str]]
) -> Any:
    import torch

    free = tuple(dict.fromkeys(axes[name], torch.export.Dim.DYNAMIC) for name in examples.arrays)
    shapes = _by_parameter(module, free) or None
    with exporting(spec, partial(reason_of, module=module)):
        program = torch.export.export(
            module, _tensors(examples), dynamic_shapes=shapes, strict=False
        )
    pooling = pooling_of_free_axes(program)
    if pooling:
        raise ConversionError(spec.name, f"{pooling}, which {FIXES}; state its size as a number")
    return program


def _by_parameter(module: Any, each: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return something for each input, grouped as the parameters of `forward` are."""
    kinds = [it.kind for it in inspect.signature(module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return each
    before = kinds.index(inspect.Parameter.VAR_POSITIONAL)
    return (*each[:before], each[before:])


def _tensors(examples: ExampleInputs) -> tuple[Any, ...]:
    return tuple(map(as_tensor, examples.arrays.values()))


def export_program(spec: ModelSpec, program: Any) -> "ModelProto":
    """Return an exported program as ONNX, with the exporter's names.

    Raises:
        ConversionError: it has no ONNX form.
    """
    import torch

    with exporting(spec, reason_of):
        exported = torch.onnx.export(program, dynamo=True, verbose=False)
    model: ModelProto = exported.model_proto
    return model


def trace(spec: ModelSpec, module: Any, examples: ExampleInputs, count: int) -> "ModelProto":
    """Return a module, or TorchScript, as torch's older exporter converts it.

    Args:
        spec: the model, from the manifest.
        module: the module; Python code in it runs once, and only that branch is kept.
        examples: inputs to trace it with.
        count: the number of its outputs.

    Raises:
        ConversionError: it has no ONNX form.
    """
    import torch
    from onnx import load_model_from_string

    exported = io.BytesIO()
    with exporting(spec, partial(reason_of, module=module)):
        torch.onnx.export(
            module,
            _tensors(examples),
            exported,
            dynamo=False,
            input_names=tuple(examples.arrays),  # without names no axis is free
            output_names=tuple(f"given_{index}" for index in range(count)),
            dynamic_axes=examples.axes,
        )
    return load_model_from_string(exported.getvalue())


def conversion_of(
    spec: ModelSpec,
    model: "ModelProto",
    examples: ExampleInputs,
    reference: TorchReference,
    program: Any = None,
) -> Conversion:
    """Return the conversion, with the names that callers see.

    Names are given here rather than by the exporter, which lets them collide with inner ones.

    Raises:
        ConversionError: the ONNX form has other inputs or outputs than the model.
    """
    name_signature(spec.name, model, examples.axes, reference.outputs)
    onnx = model.SerializeToString(deterministic=True)
    rows = dict(examples.arrays)
    opened = open_once()
    probes = (
        *decision_probes(model, opened(onnx).inputs, rows),
        *size_probes(rows, examples.axes),
        *(edge_probes(program, examples) if program else ()),
    )
    given = rows if examples.real else None
    return Conversion(onnx, reference, given, probes=probes, open=opened)


def edge_probes(program: Any, examples: ExampleInputs) -> tuple[Probe, ...]:
    """Return rows of the sizes at and beyond the limits of an exported program.

    If code depends on a size, the exporter keeps one branch and records the sizes that it is for.
    """
    edges: dict[str, list[int]] = {}
    for word, *both in _limits(program, examples):
        edges.setdefault(word, []).extend(size for size in both if size is not None)
    return size_probes(dict(examples.arrays), examples.axes, edges)


def most_rows(program: Any, examples: ExampleInputs) -> int | None:
    """Return the highest number of rows that an exported program accepts; None without a limit."""
    highest = [most for word, _, most in _limits(program, examples) if word == BATCH]
    return min((most for most in highest if most is not None), default=None)


def _limits(program: Any, examples: ExampleInputs) -> Iterator[tuple[str, int | None, int | None]]:
    """Yield the lowest and the highest size of each free axis that has limits."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    inputs = zip(program.graph_signature.user_inputs, examples.axes.values(), strict=True)
    for name, axes in inputs:
        for axis, word in axes.items():
            size = nodes[name].meta["val"].shape[axis]
            found = program.range_constraints.get(getattr(size, "node", None) and size.node.expr)
            if found is not None:
                low, high = (
                    int(str(it)) if str(it).isdecimal() else None
                    for it in (found.lower, found.upper)
                )
                yield word, low, high


def _is_recurrent(module: Any) -> bool:
    """Return whether it has recurrent layers, whose number of steps `torch.export` fixes."""
    import torch

    return any(isinstance(each, torch.nn.RNNBase) for each in module.modules())


def _traced(
    spec: ModelSpec, module: Any, examples: ExampleInputs, reference: TorchReference
) -> "ModelProto | None":
    """Return the module from torch's older exporter; None if that fixes an axis, too."""
    import torch

    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            model = trace(spec, module, examples, len(reference.outputs))
    except ConversionError:
        return None
    branches = [
        each
        for each in heard
        if issubclass(each.category, torch.jit.TracerWarning)
        and not any(place in each.filename for place in _SETTLED)
    ]
    if branches or not _follows(model, examples, reference):
        return None
    return model


def _follows(model: "ModelProto", examples: ExampleInputs, reference: TorchReference) -> bool:
    """Return whether a traced model answers as the original for other sizes of its free axes."""
    inputs = [value.name for value in model.graph.input]
    session = OnnxSession(model.SerializeToString())
    for arrays in _resized(examples):
        try:
            wanted = list(reference(dict(arrays)).values())
        except ValueError:
            continue
        try:
            answer = session.run(dict(zip(inputs, arrays.values(), strict=True)))
        except (SessionError, InvalidInput):
            return False
        found = list(answer.values())
        if not all(map(_alike, wanted, found)):
            return False
    return True


def _alike(wanted: Array, found: Array) -> bool:
    return wanted.shape == found.shape and np.allclose(wanted, found, 1e-3, 1e-4, equal_nan=True)


def _resized(examples: ExampleInputs) -> Iterator[dict[str, Array]]:
    """Yield the examples with other sizes of each free axis."""
    words = sorted({word for axes in examples.axes.values() for word in axes.values()})
    for word in words:
        for size in _OTHER_SIZES:
            yield with_size(dict(examples.arrays), examples.axes, word, size)


def _with_a_size_that_works(
    spec: ModelSpec, module: Any, examples: ExampleInputs, error: ConversionError
) -> ConversionError:
    """Return the error; if it is about free axes, one that states sizes which convert."""
    if FIXES not in error.reason:
        return error
    words = sorted({word for axes in examples.axes.values() for word in axes.values()})
    for chosen in (*({word} for word in words), {*words} - {BATCH}, {*words}):
        free = {
            name: {axis: word for axis, word in axes.items() if word not in chosen}
            for name, axes in examples.axes.items()
        }
        try:
            export_program(spec, _program(spec, module, examples, free))
        except ConversionError:
            continue
        cause = error.reason.partition(FIXES)[0]
        return ConversionError(spec.name, cause + _advice(examples, free, chosen))
    return error


def _advice(
    examples: ExampleInputs, free: Mapping[str, Mapping[int, str]], words: Collection[str]
) -> str:
    shapes = [
        f"{name}: [{', '.join(str(free[name].get(at, size)) for at, size in enumerate(it.shape))}]"
        for name, it in examples.arrays.items()
    ]
    named = ", ".join(f"'{word}'" for word in sorted(words))
    return f"{FIXES} ({named}); state its size as a number: with {', '.join(shapes)} it converts"
