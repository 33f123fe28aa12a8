"""ONNX files: taken as they are, with their external data brought inside.

A model of an operator set that is too old to be quantised well is brought to a newer one where
onnx's own converter can do that; what came out is compared with what went in, as for any framework.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from functions.inference.predictor import SessionError
from functions.inference.session import OnnxSession
from functions.inference.tensors import Array
from model_packaging.conversion import Conversion, tool_versions
from model_packaging.errors import ConversionError, SourceUnreadable
from model_packaging.manifest import ModelSpec

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

OLDEST_OPSET, OPSET = 13, 17
"""Weights are quantised per channel from 13 on."""

MAX_BYTES = (1 << 31) - 1
"""What one protobuf message can hold."""


class OnnxConverter:
    """See `conversion.Converter`."""

    framework = "onnx"
    keys: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    suffixes = (".onnx",)

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        name, source = spec.name, spec.source
        model = _parse(name, source)
        locations = dict.fromkeys(map(_location, _external(model)))
        return (source, *(_beside(name, source, location) for location in locations))

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "demo", "onnx")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        name, source = spec.name, spec.source
        files = self.files(spec)
        size = sum(file.stat().st_size for file in files)
        if size > MAX_BYTES:
            raise SourceUnreadable(name, source, f"has {size} bytes, over the limit of 2 GB")
        model = _parse(name, source)
        _inline(name, source, model)
        _infer_output_shapes(model)
        _check(name, source, model)
        content = model.SerializeToString(deterministic=True)
        return Conversion(_upgraded(model) or content, _reference(name, content))


CONVERTER = OnnxConverter()


def _parse(name: str, source: Path) -> "ModelProto":
    from google.protobuf.message import DecodeError
    from onnx import load_model_from_string

    try:
        model = load_model_from_string(source.read_bytes())
    except (DecodeError, OSError) as error:
        raise SourceUnreadable(name, source, f"is not an ONNX model: {error}") from error
    if not model.graph.output:
        raise SourceUnreadable(name, source, "is not an ONNX model: it has no outputs")
    return model


def _check(name: str, source: Path, model: "ModelProto") -> None:
    from onnx import checker

    try:
        checker.check_model(model)
    except (checker.ValidationError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SourceUnreadable(name, source, f"is not a valid ONNX model: {reason}") from error


def _infer_output_shapes(model: "ModelProto") -> None:
    """Fill in the outputs' shapes where the model states none; callers are told of them."""
    from onnx.shape_inference import infer_shapes

    outputs = model.graph.output
    if not all(value.type.tensor_type.HasField("shape") for value in outputs):
        for value, found in zip(outputs, infer_shapes(model).graph.output, strict=True):
            value.CopyFrom(found)


def _inline(name: str, source: Path, model: "ModelProto") -> None:
    """Bring external data inside."""
    from onnx import checker
    from onnx.external_data_helper import load_external_data_for_tensor

    for tensor in _external(model):
        try:
            load_external_data_for_tensor(tensor, str(source.parent))
        except (OSError, ValueError, checker.ValidationError) as error:
            reason = str(error).partition("\n")[0]
            raise SourceUnreadable(name, source, f"has unusable external data: {reason}") from error


def _external(model: "ModelProto") -> Iterator["TensorProto"]:
    """Tensors of the model whose data lies in another file."""
    from onnx import TensorProto

    nodes = [node for function in model.functions for node in function.node]
    for tensor in (*_tensors(model.graph), *_tensors_of(nodes)):
        if tensor.data_location == TensorProto.EXTERNAL:
            yield tensor


def _tensors(graph: "GraphProto") -> Iterator["TensorProto"]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of(graph.node)


def _tensors_of(nodes: "Iterator[NodeProto] | list[NodeProto]") -> Iterator["TensorProto"]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for graph in (attribute.g, *attribute.graphs):
                yield from _tensors(graph)


def _location(tensor: "TensorProto") -> str:
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _beside(name: str, source: Path, location: str) -> Path:
    """The file at `location`, which must lie in the model's folder, links followed."""
    path = source.parent / location
    if not path.resolve().is_relative_to(source.parent.resolve()) or Path(location).is_absolute():
        reason = f"names external data outside its folder: '{location}'"
        raise SourceUnreadable(name, source, reason)
    if not path.is_file():
        raise SourceUnreadable(name, source, f"lacks its external data '{location}'")
    return path


def _upgraded(model: "ModelProto") -> bytes | None:
    """The model at `OPSET`; None when it is new enough, or cannot be brought there."""
    from onnx import version_converter

    old = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    if not old or max(old) >= OLDEST_OPSET:
        return None
    try:
        newer = version_converter.convert_version(model, OPSET)
    except Exception:  # noqa: BLE001 it raises what it likes, and the model works as it is
        return None
    content: bytes = newer.SerializeToString(deterministic=True)
    return content


def _reference(name: str, content: bytes) -> "Reference":
    try:
        return Reference(OnnxSession(content))
    except (SessionError, ValueError) as error:
        raise ConversionError(name, f"cannot be served: {error}") from error


class Reference:
    """The model as onnxruntime runs it; callable as `conversion.Model`."""

    def __init__(self, session: OnnxSession) -> None:
        self._session = session

    def __call__(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Run the model; ValueError when it does not take the arrays."""
        try:
            return self._session.run(inputs)
        except SessionError as error:
            raise ValueError(str(error)) from error
