"""Dynamic int8: weights are stored as 8-bit integers, activations quantised as they come.

Weights of matrices are signed, one scale for each column, and take 7 of their 8 bits: on processors
without VNNI the products of more would saturate inside onnxruntime's 16-bit sums, and a model would
answer differently on Lambda than here. Those of convolutions are unsigned: onnxruntime's
`ConvInteger` knows one scale only, for which 7 bits are too few.
"""

from typing import TYPE_CHECKING

from model_packaging.quantization.graphs import excluded, output_file
from model_packaging.quantization.scheme import Plan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto

_MATRICES = ("Attention", "EmbedLayerNormalization", "Gather", "LSTM", "MatMul", "Transpose")
_CONVOLUTIONS = ("Conv",)


def quantize_dynamic(model: "ModelProto", plan: Plan) -> "ModelProto":
    """Quantise matrices, embeddings and convolutions."""
    return _convolutions(quantize_matrices(model, plan, _MATRICES), plan)


def quantize_matrices(model: "ModelProto", plan: Plan, operators: tuple[str, ...]) -> "ModelProto":
    """Quantise the weights of these operators, each column with a scale of its own."""
    from onnxruntime.quantization import QuantType

    signed = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": True}
    return _quantize(model, plan, operators, **signed)


def _convolutions(model: "ModelProto", plan: Plan) -> "ModelProto":
    from onnxruntime.quantization import QuantType

    if not any(node.op_type in _CONVOLUTIONS for node in model.graph.node):
        return model
    return _quantize(model, plan, _CONVOLUTIONS, weight_type=QuantType.QUInt8)


def _quantize(
    model: "ModelProto", plan: Plan, operators: tuple[str, ...], **options: object
) -> "ModelProto":
    import onnx
    from onnxruntime import quantization

    with output_file() as path:
        quantization.quantize_dynamic(
            model,
            path,
            op_types_to_quantize=list(operators),
            nodes_to_exclude=excluded(model, plan.exclude),
            # Shape inference knows no operators of ai.onnx.ml, which give floats.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            **options,
        )
        return onnx.load(path)


SCHEMES = (Scheme("dynamic", "int8", quantize_dynamic),)
