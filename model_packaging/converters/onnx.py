"""ONNX files: served as they are, with their weights inside.

The original is onnxruntime on the same file, with its graph optimizations off, so that neither our
changes nor onnxruntime's can change an answer unnoticed. Callers see the file's names, or those
that the manifest states in `inputs` and `outputs`, in the file's order.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.example_inputs import fitting_examples
from lading.model_packaging.check.graph_probes import decision_probes, size_probes
from lading.model_packaging.check.limits import is_fragile
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples, given, make_up
from lading.model_packaging.conversion import Conversion, Converter, open_once, tool_versions
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_graph import (
    drop_repeated_outputs,
    is_reduced,
    keep_weights_inside,
    loosen_outputs,
    rename,
    take_maps_apart,
)
from lading.model_packaging.sources import onnx_file
from lading.model_packaging.sources.onnx_names import input_names, output_names

if TYPE_CHECKING:
    from onnx import ModelProto

_Model = TypeVar("_Model", bytes, bytes | Path)

_ROWS = 4

_BATCHES = (1, 3)
"""Sizes of requests whose answers show the true shapes of outputs."""


def _convert(spec: ModelSpec) -> Conversion:
    model = onnx_file.read_model(spec)
    reduced = is_reduced(model)
    keep_weights_inside(model)
    drop_repeated_outputs(model)
    source = _serialized(model) if take_maps_apart(model) else spec.source
    inputs, outputs = _name(spec, model)
    _infer_output_shapes(model)
    onnx_file.check(spec, model)
    session = _open(spec, partial(OnnxSession, optimized=reduced), source)
    reference = _reference(session, inputs, outputs, accepts_empty=not is_fragile(model))
    graphs = open_once()
    specs = _open(spec, graphs, _serialized(model)).inputs
    examples = fitting_examples(spec, specs) if spec.examples else None
    samples = given(spec.name, examples, specs) if examples else make_up(spec.name, specs)
    loosen_outputs(model, _answers(reference, samples))
    rows = next(samples.requests(_ROWS))
    probes = (*decision_probes(model, specs, rows), *size_probes(rows, _free_axes(model)))
    return Conversion(_serialized(model), reference, examples, probes=probes, open=graphs)


def _tools(spec: ModelSpec) -> dict[str, str]:
    return tool_versions(spec, "demo", "onnx")


CONVERTER = Converter(
    "onnx",
    _convert,
    _tools,
    suffixes=onnx_file.SUFFIXES,
    keys=("inputs", "examples", "outputs"),
    files=onnx_file.source_files,
)


def _name(spec: ModelSpec, model: "ModelProto") -> tuple[dict[str, str], dict[str, str]]:
    """Give the graph the names that callers use, and return the file's names by these.

    Raises:
        ManifestError: the manifest's names or shapes do not fit the file.
    """
    graph = model.graph
    given = [value.name for value in graph.input], [value.name for value in graph.output]
    names = input_names(spec, model), output_names(spec, model)
    rename(model, *names)
    inputs, outputs = (dict(zip(*each, strict=True)) for each in zip(names, given, strict=True))
    return inputs, outputs


def _free_axes(model: "ModelProto") -> dict[str, dict[int, str]]:
    """Return the free axes of each input that have a name."""
    return {
        value.name: {
            axis: dim.dim_param
            for axis, dim in enumerate(value.type.tensor_type.shape.dim)
            if dim.dim_param
        }
        for value in model.graph.input
    }


def _open(spec: ModelSpec, opener: Callable[[_Model], Backend], model: _Model) -> Backend:
    try:
        return opener(model)
    except (SessionError, ValueError) as error:
        raise ConversionError(spec.name, f"cannot be served: {error}") from error


def _serialized(model: "ModelProto") -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _infer_output_shapes(model: "ModelProto") -> None:
    """Fill in the outputs' shapes where the model states none: callers see them."""
    from onnx.shape_inference import infer_shapes

    outputs = model.graph.output
    if not all(value.type.tensor_type.HasField("shape") for value in outputs):
        for value, found in zip(outputs, infer_shapes(model).graph.output, strict=True):
            value.CopyFrom(found)


def _answers(reference: Model, samples: Samples) -> Iterable[Request]:
    """Yield some answers of the original, up to the first rows that it refuses."""
    for request in chain.from_iterable(islice(samples.requests(size), 2) for size in _BATCHES):
        try:
            yield reference(dict(request))
        except ValueError:
            return


def _reference(
    session: Backend, inputs: Mapping[str, str], outputs: Mapping[str, str], *, accepts_empty: bool
) -> Model:
    """Return the file as onnxruntime runs it.

    Args:
        session: the file, loaded.
        inputs: the file's name of each input.
        outputs: the file's name of each output.
        accepts_empty: whether arrays without elements do not end the process.
    """

    def reference(arrays: dict[str, Array]) -> dict[str, Array]:
        if not (accepts_empty or all(array.size for array in arrays.values())):
            raise ValueError("onnxruntime does not accept arrays without elements here")
        try:
            answer = session.run({inputs.get(name, name): it for name, it in arrays.items()})
        except (SessionError, InvalidInput) as error:
            raise ValueError(str(error)) from error
        return {name: answer[given] for name, given in outputs.items()}

    return reference
