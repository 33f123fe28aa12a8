"""What all schemes do to an ONNX graph before and after quantising it."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto


def prepare(model: bytes) -> "ModelProto":
    """The model, its constants among the weights, every node named, no bias without effect."""
    import onnx

    parsed = onnx.load_model_from_string(model)
    _lift_constants(parsed)
    _drop_unused_biases(parsed)
    taken = {node.name for node in parsed.graph.node}
    for number, node in enumerate(parsed.graph.node):
        name = node.name or f"{node.op_type}_{number}"
        while not node.name:
            node.name, name = ("" if name in taken else name), f"{name}_"
        taken.add(node.name)
    return parsed


def excluded(model: "ModelProto", patterns: Sequence[str]) -> list[str]:
    """Names of the nodes that one of the patterns means, by name or by operator."""
    return [
        node.name
        for node in model.graph.node
        if any(node.op_type == each or fnmatchcase(node.name, each) for each in patterns)
    ]


def _lift_constants(model: "ModelProto") -> None:
    """Make weights of constant nodes, where the libraries would not look for them."""
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    for node in constants:
        if node.attribute[0].name == "value":
            weight = model.graph.initializer.add()
            weight.CopyFrom(node.attribute[0].t)
            weight.name = node.output[0]
            model.graph.node.remove(node)


def _drop_unused_biases(model: "ModelProto") -> None:
    """Take biases from `Gemm` nodes that multiply them by zero: libraries pass over such nodes."""
    for node in model.graph.node:
        zero = [each for each in node.attribute if each.name == "beta" and not each.f]
        if node.op_type == "Gemm" and zero:
            del node.input[2:]
            node.attribute.remove(zero[0])


def restore(quantized: "ModelProto", original: "ModelProto") -> None:
    """Undo what the libraries do beside quantising: forgotten shapes, notes to themselves."""
    for field in ("input", "output"):
        quantized.graph.ClearField(field)
        getattr(quantized.graph, field).extend(getattr(original.graph, field))
    quantized.ClearField("metadata_props")
    quantized.metadata_props.extend(original.metadata_props)


def narrow_weights(model: "ModelProto") -> int:
    """How many weights are tensors of fewer than 32 bits."""
    from onnx import TensorProto

    kinds = (
        TensorProto.INT8,
        TensorProto.UINT8,
        TensorProto.INT4,
        TensorProto.UINT4,
        TensorProto.FLOAT16,
    )
    return sum(
        tensor.data_type in kinds and bool(tensor.dims) for tensor in model.graph.initializer
    )


@contextmanager
def output_file() -> Iterator[Path]:
    """A path for a library that writes its model to a file."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "quantized.onnx"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' advice off the root logger, which some would also set up."""
    root, disabled, handler = (
        logging.getLogger(),
        logging.root.manager.disable,
        logging.NullHandler(),
    )
    root.addHandler(handler)
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.removeHandler(handler)
