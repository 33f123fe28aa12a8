"""Reads ONNX files with their external data, and rejects unusable ones with the reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lading.model_packaging.errors import ConversionError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_graph import walk

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

SUFFIXES = (".onnx",)

MAX_BYTES = (1 << 31) - 1
"""The largest protobuf message."""

_KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft")
"""Domains of the operators in onnxruntime."""


def is_onnx(spec: ModelSpec) -> bool:
    """Return whether the manifest's source is an ONNX file."""
    if spec.framework:
        return spec.framework == "onnx"
    return spec.source.suffix.lower() in SUFFIXES


def source_files(spec: ModelSpec) -> tuple[Path, ...]:
    """Return the file, and the files of its external data.

    Raises:
        SourceUnreadable: it is not an ONNX model, or its external data is in another folder.
    """
    model = _parse(spec)
    locations = dict.fromkeys(map(_location, _external(model)))
    return (spec.source, *(_beside(spec, location) for location in locations))


def read_model(spec: ModelSpec) -> "ModelProto":
    """Return the model with its external data included.

    Raises:
        SourceUnreadable: it is not an ONNX model, is too large, or lacks external data.
        ConversionError: it has operators of a domain that onnxruntime does not have.
    """
    size = sum(file.stat().st_size for file in source_files(spec))
    if size > MAX_BYTES:
        reason = f"has {size} bytes, which exceeds the limit of 2 GB"
        raise SourceUnreadable(spec.name, spec.source, reason)
    model = _parse(spec)
    _require_known_domains(spec, model)
    _inline(spec, model)
    return model


def check(spec: ModelSpec, model: "ModelProto") -> None:
    """Check the model against the ONNX standard.

    Raises:
        SourceUnreadable: it violates the standard; the text says how.
    """
    from onnx import checker

    try:
        checker.check_model(model)
    except (checker.ValidationError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        advice = _shape_advice(model) if "Field 'shape'" in reason else ""
        text = f"is not a valid ONNX model: {reason}{advice}"
        raise SourceUnreadable(spec.name, spec.source, text) from error


def _shape_advice(model: "ModelProto") -> str:
    for value in model.graph.input:
        if not value.type.tensor_type.HasField("shape"):
            return (
                f"; input '{value.name}' has no shape: give the shapes of all inputs under inputs:"
            )
    return ""


def _parse(spec: ModelSpec) -> "ModelProto":
    from google.protobuf.message import DecodeError
    from onnx import load_model_from_string

    try:
        model = load_model_from_string(spec.source.read_bytes())
    except (DecodeError, OSError) as error:
        reason = f"is not an ONNX model: {error}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error
    if not model.graph.output:
        reason = "is not an ONNX model: it has no outputs"
        raise SourceUnreadable(spec.name, spec.source, reason)
    if any(isinstance(name, bytes) for name in _names(model)):  # protobuf could not decode it
        reason = "is not an ONNX model: it has a name that is not UTF-8"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return model


def _names(model: "ModelProto") -> Iterator[str]:
    graph = model.graph
    for named in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        yield named.name
    for body in (graph.node, *(function.node for function in model.functions)):
        for node in walk(body):
            yield from (node.op_type, node.domain, node.name, *node.input, *node.output)


def _require_known_domains(spec: ModelSpec, model: "ModelProto") -> None:
    local = {(function.domain, function.name) for function in model.functions}
    bodies = (model.graph.node, *(function.node for function in model.functions))
    custom = {
        f"{node.domain}.{node.op_type}"
        for body in bodies
        for node in walk(body)
        if node.domain not in _KNOWN_DOMAINS and (node.domain, node.op_type) not in local
    }
    if custom:
        reason = (
            f"uses custom operators that onnxruntime does not have: {', '.join(sorted(custom))}; "
            "export it with standard operators, or compute them outside the model (code:)"
        )
        raise ConversionError(spec.name, reason)


def _inline(spec: ModelSpec, model: "ModelProto") -> None:
    """Load external data into the model."""
    from onnx import checker
    from onnx.external_data_helper import load_external_data_for_tensor

    for tensor in _external(model):
        try:
            load_external_data_for_tensor(tensor, str(spec.source.parent))
        except (OSError, ValueError, checker.ValidationError) as error:
            reason = f"has unusable external data: {str(error).partition(chr(10))[0]}"
            raise SourceUnreadable(spec.name, spec.source, reason) from error


def _external(model: "ModelProto") -> Iterator["TensorProto"]:
    """Yield the tensors of the model whose data is in another file."""
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


def _beside(spec: ModelSpec, location: str) -> Path:
    """Return the file at `location`, which must be in the model's folder after following links."""
    folder = spec.source.parent
    path = folder / location
    if not path.resolve().is_relative_to(folder.resolve()) or Path(location).is_absolute():
        reason = f"names external data outside its folder: '{location}'"
        raise SourceUnreadable(spec.name, spec.source, reason)
    if not path.is_file():
        raise SourceUnreadable(spec.name, spec.source, f"lacks its external data '{location}'")
    return path
