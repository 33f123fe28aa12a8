"""Weights only, in blocks: int4 and int8 for large matrices, int8 for embeddings.

Each block of a column has its own scale, and activations stay floats outside the product, so that
`int8` loses almost nothing. onnxruntime computes `MatMulNBits` on 8-bit activations.
"""

from functools import partial
from math import prod
from typing import TYPE_CHECKING

from lading.model_packaging.quantization.dynamic import quantize_matrices
from lading.model_packaging.quantization.products import products, spell_out, unfit
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto

SMALLEST = 1 << 12
"""Elements of the smallest matrix that is quantized; smaller ones stay floats."""

_BLOCK = {4: 32, 8: 128}
"""Bits -> weights that share a scale."""
_INT8_ACTIVATIONS = 4


def quantize_weights(model: "ModelProto", plan: QuantizationPlan, *, bits: int) -> "ModelProto":
    """Quantize the large matrices to `bits`, and embeddings to 8."""
    from onnx import TensorProto
    from onnxruntime.quantization import QuantFormat
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    spell_out(model, plan.exclude)
    keep = unfit(model, TensorProto.FLOAT, TensorProto.FLOAT16)
    small = [node.name for node, weight in products(model) if prod(weight.dims) < SMALLEST]
    quantizer = MatMulNBitsQuantizer(
        model,
        bits=bits,
        block_size=_BLOCK[bits],
        is_symmetric=False,
        accuracy_level=_INT8_ACTIVATIONS,
        nodes_to_exclude=[*plan.exclude, *keep, *small],
        quant_format=QuantFormat.QOperator,
        op_types_to_quantize=("MatMul",),
    )
    quantizer.process()
    return quantize_matrices(quantizer.model.model, plan, ("Gather",))


SCHEMES = tuple(
    Scheme(f"int{bits}", f"int{bits}", partial(quantize_weights, bits=bits), ("onnx-ir",))
    for bits in (4, 8)
)
