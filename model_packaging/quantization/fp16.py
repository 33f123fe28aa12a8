"""Half precision: weights and arithmetic in float16, inputs and outputs as they were.

Half the size. Not faster on a processor without float16 arithmetic: onnxruntime then computes in
float32 between casts.
"""

from typing import TYPE_CHECKING

import numpy as np

from functions.inference.tensors import Array
from model_packaging.quantization.graphs import excluded, graphs_of
from model_packaging.quantization.scheme import Plan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto

_LARGEST, _SMALLEST = float(np.finfo(np.float16).max), float(np.finfo(np.float16).tiny)

_MASK = -1e9
"""Numbers up to this one stand for minus infinity, and may become the lowest that float16 has."""


def quantize_fp16(model: "ModelProto", plan: Plan) -> "ModelProto":
    """Turn float32 into float16 where onnxruntime has operators for it."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    half: ModelProto = convert_float_to_float16(
        model,
        keep_io_types=True,
        node_block_list=[*excluded(model, plan.exclude), *_out_of_range(model)],
    )
    return half


def _out_of_range(model: "ModelProto") -> list[str]:
    """Names of the nodes with weights that float16 cannot hold."""
    from onnx import TensorProto, numpy_helper

    far = {
        weight.name
        for graph in graphs_of(model)
        for weight in graph.initializer
        if weight.data_type == TensorProto.FLOAT and _is_far(numpy_helper.to_array(weight))
    }
    return [
        node.name
        for graph in graphs_of(model)
        for node in graph.node
        if not far.isdisjoint(node.input)
    ]


def _is_far(weights: Array) -> bool:
    sizes = np.abs(weights[np.isfinite(weights) & (weights > _MASK)])
    largest = float(sizes.max(initial=0.0))
    return largest > _LARGEST or 0 < largest < _SMALLEST


SCHEMES = (Scheme("fp16", "float16", quantize_fp16, oldest=0),)
