"""Dynamic int8: weights are stored as 8-bit integers, activations are quantized at run time.

Weights of matrices are signed, with one scale for each column, and use 7 of their 8 bits: on
processors without VNNI larger products would saturate in onnxruntime's 16-bit sums, and a model
would answer differently on Lambda than here. Weights of convolutions are unsigned: onnxruntime's
`ConvInteger` has only one scale, for which 7 bits are too few.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lading.model_packaging.quantization.graphs import output_file
from lading.model_packaging.quantization.products import (
    batched,
    own_recurrent_weights,
    spell_out,
    unfit,
)
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto

_MATRICES = ("Attention", "EmbedLayerNormalization", "Gather", "LSTM", "MatMul", "Transpose")
_CONVOLUTIONS = ("Conv",)


def quantize_dynamic(model: "ModelProto", plan: QuantizationPlan) -> "ModelProto":
    """Quantize matrices, embeddings and convolutions."""
    spell_out(model, plan.exclude)
    return _convolutions(_stacks(quantize_matrices(model, plan, _MATRICES), plan), plan)


def quantize_matrices(
    model: "ModelProto", plan: QuantizationPlan, operators: tuple[str, ...]
) -> "ModelProto":
    """Quantize the weights of these operators, each column with its own scale."""
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType

    own_recurrent_weights(model)
    keep = [*plan.exclude, *unfit(model, TensorProto.FLOAT)]
    options = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": True}
    return _quantize(model, keep, operators, **options)


def _stacks(model: "ModelProto", plan: QuantizationPlan) -> "ModelProto":
    """Quantize the weights that are several matrices, all with one scale.

    The library would give them a scale for each row, which onnxruntime rejects.
    """
    from onnxruntime.quantization import QuantType

    names = batched(model)
    if not names:
        return model
    options = {"weight_type": QuantType.QInt8, "reduce_range": True, "nodes_to_quantize": names}
    return _quantize(model, plan.exclude, ("MatMul",), **options)


def _convolutions(model: "ModelProto", plan: QuantizationPlan) -> "ModelProto":
    from onnxruntime.quantization import QuantType

    if not any(node.op_type in _CONVOLUTIONS for node in model.graph.node):
        return model
    return _quantize(model, plan.exclude, _CONVOLUTIONS, weight_type=QuantType.QUInt8)


def _quantize(
    model: "ModelProto", keep: Sequence[str], operators: tuple[str, ...], **options: Any
) -> "ModelProto":
    """Quantize the nodes of these operators, except those whose names are in `keep`."""
    import onnx
    from onnxruntime import quantization

    with output_file() as path:
        quantization.quantize_dynamic(
            model,
            path,
            op_types_to_quantize=list(operators),
            # The library turns a Gemm that stays into a MatMul of this name.
            nodes_to_exclude=[*keep, *(f"{name}_MatMul" for name in keep)],
            # Shape inference does not know the operators of ai.onnx.ml, which return floats.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            **options,
        )
        return onnx.load(path)


SCHEMES = (Scheme("dynamic", "int8", quantize_dynamic),)
