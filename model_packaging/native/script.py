"""TorchScript files that are not converted: torch computes them.

The file says neither which inputs it has nor what it returns: the manifest states the inputs, and
the outputs are those of the example inputs. An axis of an output is free if its size differs where
a free axis of an input has another size.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from lading.functions.inference.artifact.specification import TORCHSCRIPT, NativeSection, TensorSpec
from lading.functions.inference.native.runtimes import load
from lading.functions.inference.tensors.conversion import Array, datatype_of
from lading.model_packaging.check.example_inputs import ExampleInputs, example_inputs
from lading.model_packaging.check.graph_probes import size_probes
from lading.model_packaging.conversion import Conversion, Converter, open_once, tool_versions
from lading.model_packaging.converters.pytorch.reference import TorchReference
from lading.model_packaging.errors import ConversionError, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.script import SUFFIXES, require_container
from lading.model_packaging.native.original import OriginalProcess
from lading.model_packaging.native.script_file import open_module
from lading.model_packaging.quiet import quiet
from lading.model_packaging.sources.archive import require_harmless


@quiet()
def _keep(spec: ModelSpec) -> Conversion:
    """Return a conversion whose model is the file itself.

    Raises:
        SourceError: torch cannot read it.
        ManifestError: its inputs are not stated, or its target has no torch.
        ConversionError: it cannot be served.
    """
    require_container(spec, spec.place)
    require_harmless(spec)
    examples = _examples(spec)
    original = OriginalProcess(spec, TORCHSCRIPT)
    module = open_module(spec)
    _require_no_threads(spec, module)
    reference = TorchReference(spec, module, examples.arrays)
    section = NativeSection(
        runtime=TORCHSCRIPT,
        file="model.pt",
        options={"answers": list(reference.answers)},
        inputs=_inputs(examples),
        outputs=tuple(_outputs(spec, reference, examples)),
    )
    rows = dict(examples.arrays)
    return Conversion(
        spec.source.read_bytes(),
        original,
        rows if examples.real else None,
        probes=size_probes(rows, examples.axes),
        native=section,
        open=open_once(partial(load, section)),
    )


def _examples(spec: ModelSpec) -> ExampleInputs:
    examples = example_inputs(spec)
    for name, array in examples.arrays.items():
        if array.dtype.kind not in "biuf":
            reason = f"'{name}' is text, and PyTorch has no tensors of text"
            raise ManifestError(spec.place("examples" if spec.examples else "inputs"), reason)
    return examples


def _require_no_threads(spec: ModelSpec, module: Any) -> None:
    """Refuse a program that starts threads: a server's worker, which is a fork, waits for them."""
    if "prim::fork" in str(module.inlined_graph):
        reason = "starts threads (torch.jit.fork), on which a server's workers would wait for ever"
        raise ConversionError(spec.name, f"{reason}; compute it in one thread")


def _inputs(examples: ExampleInputs) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, datatype_of(array), _free(array, examples.axes.get(name, {})))
        for name, array in examples.arrays.items()
    )


def _free(array: Array, axes: Mapping[int, str]) -> tuple[int, ...]:
    return tuple(-1 if axis in axes else size for axis, size in enumerate(array.shape))


def _outputs(
    spec: ModelSpec, reference: TorchReference, examples: ExampleInputs
) -> Iterator[TensorSpec]:
    """Yield the outputs, from the answers to rows of several sizes.

    Raises:
        ConversionError: an output has another datatype or number of axes for other sizes.
    """
    answers = [reference(dict(examples.arrays)), *_of_other_sizes(reference, examples)]
    for name, array in answers[0].items():
        found = [each[name] for each in answers]
        if len({(each.dtype, each.ndim) for each in found}) > 1:
            kinds = sorted({f"{each.dtype} with {each.ndim} axes" for each in found})
            reason = f"returns '{name}' as {' or as '.join(kinds)}; return one of them"
            raise ConversionError(spec.name, reason)
        sizes = zip(*(each.shape for each in found), strict=True)
        shape = tuple(-1 if len({*size}) > 1 else size[0] for size in sizes)
        yield TensorSpec(name, datatype_of(array), shape)


def _of_other_sizes(
    reference: TorchReference, examples: ExampleInputs
) -> Iterator[dict[str, Array]]:
    for probe in size_probes(dict(examples.arrays), examples.axes):
        try:
            yield reference(dict(probe.inputs))
        except ValueError:  # it accepts no rows of this size
            continue


def _tools(spec: ModelSpec) -> dict[str, str]:
    return tool_versions(spec, TORCHSCRIPT, "torch")


SCRIPT = Converter(
    TORCHSCRIPT, _keep, _tools, suffixes=SUFFIXES, keys=("inputs", "examples", "outputs")
)
