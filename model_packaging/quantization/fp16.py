"""Half precision: weights and arithmetic in float16, inputs and outputs unchanged.

The model has half the size. It is not faster on a processor without float16 arithmetic, where
onnxruntime computes in float32 between casts.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.onnx_graph import graphs_of, walk
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

_PRODUCTS = frozenset(("Conv", "ConvTranspose", "Div", "Gemm", "MatMul", "Mul"))
_LARGEST, _SMALLEST = float(np.finfo(np.float16).max), float(np.finfo(np.float16).tiny)

_MASK, _HALF_MASK = -1e9, -4e4
"""Numbers up to the first stand for minus infinity in masks; in float16 the second does. The lowest
number of float16 would not work: minus a score it is infinite, and a row of padding becomes NaN."""


def quantize_fp16(model: "ModelProto", plan: QuantizationPlan) -> "ModelProto":
    """Convert float32 to float16 where onnxruntime has operators for it."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    _raise_masks(model)
    half: ModelProto = convert_float_to_float16(
        model, keep_io_types=True, node_block_list=[*plan.exclude, *_out_of_range(model)]
    )
    return half


def _raise_masks(model: "ModelProto") -> None:
    """Replace float32's numbers for minus infinity by the one for float16."""
    from onnx import numpy_helper

    for weight, array in _floats(model):
        masks = np.isfinite(array) & (array <= _MASK)
        if masks.any():
            half = np.where(masks, np.float32(_HALF_MASK), array)
            weight.CopyFrom(numpy_helper.from_array(half, weight.name))


def _out_of_range(model: "ModelProto") -> list[str]:
    """Return the names of the nodes with weights that float16 cannot hold.

    A small number that only keeps another from being zero may become float16's smallest number.
    """
    sizes = {weight.name: _largest(array) for weight, array in _floats(model)}
    large = {name for name, size in sizes.items() if size > _LARGEST}
    small = {name for name, size in sizes.items() if 0 < size < _SMALLEST}
    return [
        node.name
        for node in walk(model.graph.node)
        if not (large | (small if node.op_type in _PRODUCTS else set())).isdisjoint(node.input)
    ]


def _floats(model: "ModelProto") -> Iterator[tuple["TensorProto", Array]]:
    """Yield the float32 weights, also of graphs inside nodes, and their values."""
    from onnx import TensorProto, numpy_helper

    for graph in graphs_of(model):
        for weight in graph.initializer:
            if weight.data_type == TensorProto.FLOAT:
                yield weight, numpy_helper.to_array(weight)


def _largest(weights: Array) -> float:
    return float(np.abs(weights).max(initial=0.0, where=np.isfinite(weights)))


SCHEMES = (Scheme("fp16", "float16", quantize_fp16, oldest=0),)
