"""Weights only, in blocks: int4 and int8 for large matrices, int8 for embeddings.

Each block of a column has a scale of its own, and activations stay floats outside the product, so
that `int8` loses next to nothing. onnxruntime computes `MatMulNBits` on 8-bit activations.
"""

from functools import partial
from math import prod
from typing import TYPE_CHECKING

from lading.model_packaging.quantization.dynamic import quantize_matrices
from lading.model_packaging.quantization.graphs import graphs_of
from lading.model_packaging.quantization.products import spell_out, unfit
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto

SMALLEST = 1 << 12
"""Elements of a matrix that is worth it; smaller ones stay floats."""

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
    quantizer = MatMulNBitsQuantizer(
        model,
        bits=bits,
        block_size=_BLOCK[bits],
        is_symmetric=False,
        accuracy_level=_INT8_ACTIVATIONS,
        nodes_to_exclude=[*plan.exclude, *keep, *_small(model)],
        quant_format=QuantFormat.QOperator,
        op_types_to_quantize=("MatMul",),
    )
    quantizer.process()
    return quantize_matrices(quantizer.model.model, plan, ("Gather",))


def _small(model: "ModelProto") -> list[str]:
    sizes = {
        weight.name: prod(weight.dims) for graph in graphs_of(model) for weight in graph.initializer
    }
    return [
        node.name
        for graph in graphs_of(model)
        for node in graph.node
        if node.op_type == "MatMul" and sizes.get(node.input[1], 0) < SMALLEST
    ]


SCHEMES = tuple(
    Scheme(f"int{bits}", f"int{bits}", partial(quantize_weights, bits=bits), ("onnx-ir",))
    for bits in (4, 8)
)
