"""Half precision: weights and arithmetic in float16, inputs and outputs as they were.

Half the size. Not faster on a processor without float16 arithmetic: onnxruntime then computes in
float32 between casts.
"""

from typing import TYPE_CHECKING

from model_packaging.quantization.graphs import excluded
from model_packaging.quantization.scheme import Plan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto


def quantize_fp16(model: "ModelProto", plan: Plan) -> "ModelProto":
    """Turn float32 into float16 where onnxruntime has operators for it."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    half: ModelProto = convert_float_to_float16(
        model, keep_io_types=True, node_block_list=excluded(model, plan.exclude)
    )
    return half


SCHEMES = (Scheme("fp16", "float16", quantize_fp16),)
