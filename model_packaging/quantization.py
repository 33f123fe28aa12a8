"""Dynamic int8: weights are stored as 8-bit integers, activations quantised as they come.

Weights are unsigned: on processors without VNNI, signed ones saturate inside onnxruntime's 16-bit
sums, and a model would answer differently on Lambda than here.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from functions.inference.session import OnnxSession, SessionError
from model_packaging.errors import QuantizationError

if TYPE_CHECKING:
    from onnx import ModelProto


def quantize_dynamic(name: str, model: bytes) -> bytes:
    """Quantise a model's weights to 8 bits.

    Args:
        name: the model's name, for errors.
        model: the serialised ONNX model, with its weights inside.

    Raises:
        QuantizationError: nothing in it can be quantised, or onnxruntime cannot quantise it.
    """
    import onnx

    original = onnx.load_model_from_string(model)
    _lift_constants(original)
    if all(opset.domain for opset in original.opset_import):  # trees: ai.onnx.ml alone
        raise _nothing_in(name, original)
    quantized = _quantize(name, original)
    if _byte_weights(quantized) <= _byte_weights(original):
        raise _nothing_in(name, original)
    _restore(quantized, original)
    content: bytes = quantized.SerializeToString(deterministic=True)
    try:
        OnnxSession(content)
    except (SessionError, ValueError) as error:
        raise QuantizationError(name, f"cannot be loaded once quantised: {error}") from error
    return content


def _quantize(name: str, model: "ModelProto") -> "ModelProto":
    import onnx
    from onnxruntime import quantization

    with TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "quantized.onnx"
        try:
            quantization.quantize_dynamic(
                model,
                path,
                weight_type=quantization.QuantType.QUInt8,
                # Shape inference knows no operators of ai.onnx.ml, which give floats.
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        except Exception as error:  # onnxruntime's exceptions share no base class
            reason = str(error).partition("\n")[0]
            raise QuantizationError(name, f"cannot be quantised: {reason}") from error
        return onnx.load(path)


def _lift_constants(model: "ModelProto") -> None:
    """Make weights of constant nodes, where onnxruntime would not look for them."""
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    for node in constants:
        if node.attribute[0].name == "value":
            weight = model.graph.initializer.add()
            weight.CopyFrom(node.attribute[0].t)
            weight.name = node.output[0]
            model.graph.node.remove(node)


def _restore(quantized: "ModelProto", original: "ModelProto") -> None:
    """Undo what onnxruntime does beside quantising: forgotten shapes, notes to itself."""
    for field in ("input", "output"):
        quantized.graph.ClearField(field)
        getattr(quantized.graph, field).extend(getattr(original.graph, field))
    quantized.ClearField("metadata_props")
    quantized.metadata_props.extend(original.metadata_props)


def _nothing_in(name: str, model: "ModelProto") -> QuantizationError:
    operators = ", ".join(sorted({node.op_type for node in model.graph.node}))
    return QuantizationError(name, f"has nothing to quantise (it is {operators})")


def _byte_weights(model: "ModelProto") -> int:
    """How many weights are tensors of 8-bit integers."""
    from onnx import TensorProto

    kinds = (TensorProto.INT8, TensorProto.UINT8)
    return sum(
        tensor.data_type in kinds and bool(tensor.dims) for tensor in model.graph.initializer
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep onnxruntime's advice off the root logger, which it would also set up."""
    root, disabled, handler = (
        logging.getLogger(),
        logging.root.manager.disable,
        logging.NullHandler(),
    )
    root.addHandler(handler)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.removeHandler(handler)
