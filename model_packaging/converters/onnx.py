"""ONNX files: served as they are, with their weights inside.

The original is onnxruntime on the very file, without its rewriting of graphs, so that neither our
changes nor onnxruntime's can change an answer unnoticed. Callers see the file's names, or those
that the manifest gives in `inputs` and `outputs`, in the file's order.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.example_inputs import fitting_examples
from lading.model_packaging.check.graph_probes import decision_probes, size_probes
from lading.model_packaging.check.limits import is_fragile
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples, given, make_up
from lading.model_packaging.conversion import Conversion, open_once, tool_versions
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
"""Sizes of requests whose answers tell the true shapes of outputs."""


class OnnxConverter:
    """See `conversion.Converter`."""

    framework = "onnx"
    keys = ("inputs", "examples", "outputs")
    contents: tuple[str, ...] = ()
    suffixes = onnx_file.SUFFIXES

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return onnx_file.source_files(spec)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "demo", "onnx")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        model = onnx_file.read_model(spec)
        reduced = is_reduced(model)
        keep_weights_inside(model)
        drop_repeated_outputs(model)
        source = _serialized(model) if take_maps_apart(model) else spec.source
        inputs, outputs = _name(spec, model)
        _infer_output_shapes(model)
        onnx_file.check(spec, model)
        session = _open(spec, partial(OnnxSession, optimized=reduced), source)
        reference = Reference(session, inputs, outputs, takes_empty=not is_fragile(model))
        graphs = open_once()
        specs = _open(spec, graphs, _serialized(model)).inputs
        examples = fitting_examples(spec, specs) if spec.examples else None
        samples = given(spec.name, examples, specs) if examples else make_up(spec.name, specs)
        loosen_outputs(model, _answers(reference, samples))
        rows = next(samples.requests(_ROWS))
        probes = (*decision_probes(model, specs, rows), *size_probes(rows, _free_axes(model)))
        return Conversion(_serialized(model), reference, examples, probes=probes, open=graphs)


CONVERTER = OnnxConverter()


def _name(spec: ModelSpec, model: "ModelProto") -> tuple[dict[str, str], dict[str, str]]:
    """Give the graph the names that callers use, and say what the file calls its inputs, outputs.

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
    """The free axes of each input that have a name."""
    return {
        value.name: {
            axis: dim.dim_param
            for axis, dim in enumerate(value.type.tensor_type.shape.dim)
            if dim.dim_param
        }
        for value in model.graph.input
    }


def _open(spec: ModelSpec, opener: Callable[[_Model], OnnxSession], model: _Model) -> OnnxSession:
    try:
        return opener(model)
    except (SessionError, ValueError) as error:
        raise ConversionError(spec.name, f"cannot be served: {error}") from error


def _serialized(model: "ModelProto") -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _infer_output_shapes(model: "ModelProto") -> None:
    """Fill in the outputs' shapes where the model states none; callers are told of them."""
    from onnx.shape_inference import infer_shapes

    outputs = model.graph.output
    if not all(value.type.tensor_type.HasField("shape") for value in outputs):
        for value, found in zip(outputs, infer_shapes(model).graph.output, strict=True):
            value.CopyFrom(found)


def _answers(reference: "Reference", samples: Samples) -> Iterable[Request]:
    """Some answers of the original; none for rows that it does not take."""
    for request in chain.from_iterable(islice(samples.requests(size), 2) for size in _BATCHES):
        try:
            yield reference(dict(request))
        except ValueError:
            return


class Reference:
    """The file as onnxruntime runs it; callable as `conversion.Model`.

    Args:
        session: the file, loaded.
        inputs: the file's name of each input.
        outputs: the file's name of each output.
        takes_empty: whether arrays without elements do not end the process.
    """

    def __init__(
        self,
        session: OnnxSession,
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
        *,
        takes_empty: bool,
    ) -> None:
        self._session, self._inputs, self._outputs = session, inputs, outputs
        self._takes_empty = takes_empty

    def __call__(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run the model; ValueError when it does not take the arrays."""
        if not (self._takes_empty or all(array.size for array in inputs.values())):
            raise ValueError("onnxruntime takes no arrays without elements here")
        try:
            answer = self._session.run(
                {self._inputs.get(key, key): it for key, it in inputs.items()}
            )
        except (SessionError, InvalidInput) as error:
            raise ValueError(str(error)) from error
        return {name: answer[given] for name, given in self._outputs.items()}
