"""Torch modules to ONNX."""

import inspect
import io
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.example_inputs import ExampleInputs
from lading.model_packaging.check.graph_probes import decision_probes, size_probes, with_size
from lading.model_packaging.check.probes import Probe
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.pytorch.reference import TorchReference, as_tensor
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH
from lading.model_packaging.onnx_graph import name_axes, rename, strip

if TYPE_CHECKING:
    from onnx import ModelProto

_COLORS = re.compile(r"\x1b\[[0-9;]*m")

_FIXES = "fixes an axis that models.yaml leaves free"

_OTHER_SIZES = (1, 2, 4, 11)
"""Of a free axis, to run a traced model with."""


def export_module(spec: ModelSpec, module: Any, examples: ExampleInputs) -> Conversion:
    """A module that is ready for inference, traced with these inputs.

    Raises:
        ConversionError: it has no ONNX form, or fixes an axis that is said to be free.
    """
    reference = TorchReference(spec, module, tuple(examples.arrays))
    outputs = reference.names(examples.arrays)
    edges: tuple[Probe, ...] = ()
    try:
        program = _program(spec, module, examples, examples.axes)
        edges = edge_probes(program, examples)
        model = export_program(spec, program)
    except ConversionError as error:
        traced = _traced(spec, module, examples, reference) if _is_recurrent(module) else None
        if traced is None:
            raise _with_a_size_that_works(spec, module, examples, error) from error
        model = traced
    conversion = named(spec, model, examples, outputs, reference)
    return replace(conversion, probes=(*conversion.probes, *edges))


def _program(
    spec: ModelSpec, module: Any, examples: ExampleInputs, axes: Mapping[str, Mapping[int, str]]
) -> Any:
    import torch

    free = tuple(dict.fromkeys(axes[name], torch.export.Dim.DYNAMIC) for name in examples.arrays)
    shapes = _by_parameter(module, free) or None
    return attempt(
        spec,
        lambda: torch.export.export(
            module, _tensors(examples), dynamic_shapes=shapes, strict=False
        ),
    )


def _by_parameter(module: Any, each: tuple[Any, ...]) -> tuple[Any, ...]:
    """Something for each input, as `forward` takes them: those of `*inputs` stand together."""
    kinds = [it.kind for it in inspect.signature(module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return each
    before = kinds.index(inspect.Parameter.VAR_POSITIONAL)
    return (*each[:before], each[before:])


def _tensors(examples: ExampleInputs) -> tuple[Any, ...]:
    return tuple(map(as_tensor, examples.arrays.values()))


def export_program(spec: ModelSpec, program: Any) -> "ModelProto":
    """An exported program as ONNX, with the exporter's names.

    Raises:
        ConversionError: it has no ONNX form.
    """
    import torch

    exported = attempt(spec, lambda: torch.onnx.export(program, dynamo=True, verbose=False))
    model: ModelProto = exported.model_proto
    return model


def trace(spec: ModelSpec, module: Any, examples: ExampleInputs, count: int) -> "ModelProto":
    """A module, or TorchScript, as torch's older exporter has it in ONNX.

    Args:
        spec: the model, from the manifest.
        module: the module; Python code in it runs once, and its branches are not kept.
        examples: inputs to trace it with.
        count: how many outputs it gives.

    Raises:
        ConversionError: it has no ONNX form.
    """
    import torch
    from onnx import load_model_from_string

    exported = io.BytesIO()
    attempt(
        spec,
        lambda: torch.onnx.export(
            module,
            _tensors(examples),
            exported,
            dynamo=False,
            input_names=tuple(examples.arrays),  # without names it makes no axis free
            output_names=tuple(f"given_{index}" for index in range(count)),
            dynamic_axes=examples.axes,
        ),
    )
    return load_model_from_string(exported.getvalue())


def named(
    spec: ModelSpec,
    model: "ModelProto",
    examples: ExampleInputs,
    outputs: Sequence[str],
    reference: TorchReference,
) -> Conversion:
    """The conversion, with the names that callers are told of.

    Names are given here rather than by the exporter, which lets them collide with inner ones.

    Raises:
        ConversionError: the ONNX form has other inputs or outputs than the model.
    """
    for what, values, names in (
        ("inputs", model.graph.input, examples.arrays),
        ("outputs", model.graph.output, outputs),
    ):
        if len(values) != len(names):
            reason = f"has {len(names)} {what}, and {len(values)} in its ONNX form"
            raise ConversionError(spec.name, reason)
    rename(model, list(examples.arrays), outputs)
    name_axes(model, examples.axes)
    strip(model)
    onnx = model.SerializeToString(deterministic=True)
    rows = dict(examples.arrays)
    probes = (
        *decision_probes(model, OnnxSession(onnx).inputs, rows),
        *size_probes(rows, examples.axes),
    )
    return Conversion(onnx, reference, rows if examples.real else None, probes=probes)


def edge_probes(program: Any, examples: ExampleInputs) -> tuple[Probe, ...]:
    """Rows of the sizes between which an exported program holds, and beyond them.

    Of code that looks at a size, the exporter keeps one branch and notes the sizes that take it.
    """
    edges: dict[str, list[int]] = {}
    for word, *both in _limits(program, examples):
        edges.setdefault(word, []).extend(size for size in both if size is not None)
    return size_probes(dict(examples.arrays), examples.axes, edges)


def most_rows(program: Any, examples: ExampleInputs) -> int | None:
    """The most rows that an exported program takes; None where it says nothing of them."""
    highest = [most for word, _, most in _limits(program, examples) if word == BATCH]
    return min((most for most in highest if most is not None), default=None)


def _limits(program: Any, examples: ExampleInputs) -> Iterator[tuple[str, int | None, int | None]]:
    """The lowest and the highest size of each free axis, where the program has one."""
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
    """Whether it has layers over time, whose number of steps `torch.export` fixes."""
    import torch

    return any(isinstance(each, torch.nn.RNNBase) for each in module.modules())


def _traced(
    spec: ModelSpec, module: Any, examples: ExampleInputs, reference: TorchReference
) -> "ModelProto | None":
    """The module from torch's older exporter; None where that fixes something, too."""
    import torch

    count = len(reference.names(examples.arrays))
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            model = trace(spec, module, examples, count)
    except ConversionError:
        return None
    branches = [
        each
        for each in heard
        if issubclass(each.category, torch.jit.TracerWarning)
        and "/torch/nn/modules/" not in each.filename
    ]
    if branches or not _follows(model, examples, reference):
        return None
    return model


def _follows(model: "ModelProto", examples: ExampleInputs, reference: TorchReference) -> bool:
    """Whether a traced model answers as the original for other sizes of its free axes."""
    inputs = [value.name for value in model.graph.input]
    session = OnnxSession(model.SerializeToString())
    for arrays in _resized(examples):
        try:
            wanted = list(reference(dict(arrays)).values())
        except ValueError:
            continue
        try:
            answer = session.run(dict(zip(inputs, arrays.values(), strict=True)))
        except Exception:  # noqa: BLE001 whatever it raises, it does not answer
            return False
        found = list(answer.values())
        if not all(map(_alike, wanted, found)):
            return False
    return True


def _alike(wanted: Array, found: Array) -> bool:
    return wanted.shape == found.shape and np.allclose(wanted, found, 1e-3, 1e-4, equal_nan=True)


def _resized(examples: ExampleInputs) -> Iterator[dict[str, Array]]:
    """The examples with other sizes of each free axis."""
    words = sorted({word for axes in examples.axes.values() for word in axes.values()})
    for word in words:
        for size in _OTHER_SIZES:
            yield with_size(dict(examples.arrays), examples.axes, word, size)


def _with_a_size_that_works(
    spec: ModelSpec, module: Any, examples: ExampleInputs, error: ConversionError
) -> ConversionError:
    """The error, or where it is about free axes, one that says which must be fixed, and at what."""
    if _FIXES not in error.reason:
        return error
    words = sorted({word for axes in examples.axes.values() for word in axes.values()})
    for chosen in (*({word} for word in words), set(words)):
        free = {
            name: {axis: word for axis, word in axes.items() if word not in chosen}
            for name, axes in examples.axes.items()
        }
        try:
            export_program(spec, _program(spec, module, examples, free))
        except ConversionError:
            continue
        return ConversionError(spec.name, _advice(examples, free, chosen))
    return error


def _advice(
    examples: ExampleInputs, free: Mapping[str, Mapping[int, str]], words: Collection[str]
) -> str:
    shapes = [
        f"{name}: [{', '.join(str(free[name].get(at, size)) for at, size in enumerate(it.shape))}]"
        for name, it in examples.arrays.items()
    ]
    named = ", ".join(f"'{word}'" for word in sorted(words))
    return f"{_FIXES} ({named}); state its size as a number: with {', '.join(shapes)} it converts"


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
    text = " ".join(_COLORS.sub("", str(error)).split())
    if "Constraints violated" in text:
        said = text.partition(" - ")[2].partition(". ")[0]
        return f"{_FIXES}: {said}; state its size as a number"
    if "data-dependent expression" in text:
        return (
            "branches on the values of its inputs, which an ONNX graph made by tracing cannot; "
            "use torch.where or torch.cond, or save it with torch.jit.script(model)"
        )
    if "prim::DictConstruct" in text:
        return "returns a dict, which has no ONNX form in TorchScript; return a tuple, and outputs:"
    missing = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", text)
    if missing:
        return f"has no ONNX form: ONNX lacks {missing[1]}; compute it outside the model"
    _, _, summary = text.rpartition("Exception summary ")
    return f"has no ONNX form: {summary.partition(' ⬆️')[0][:300]}"
