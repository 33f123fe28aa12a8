"""Static int8: weights and activations are 8-bit integers, their ranges measured on given rows.

The model has QuantizeLinear and DequantizeLinear around each operator (QDQ), which onnxruntime
turns into integer kernels. This is the right scheme for convolutional networks; transformers are as
small and fast with `dynamic`, and a little more accurate. Weights use 7 bits and a scale for each
channel, as in `dynamic`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.quantization.graphs import output_file
from lading.model_packaging.quantization.products import batched, spell_out
from lading.model_packaging.quantization.rewriting import rewritten
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime.quantization import CalibrationDataReader


_OPERATORS = (
    *("Conv", "ConvTranspose", "MatMul", "Gather"),
    *("Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool", "Reshape", "Flatten"),
)
"""Products, and operators that pass integers on. Sums, softmax and layer normalization stay floats:
in a transformer their outliers would cost most of the accuracy, and they have no weights."""

_FLOAT_OUTPUTS = ("MatMul",)
"""Operators whose outputs stay floats until a quantized operator needs them. They go into sums and
normalizations, where a few large numbers would leave few steps for all the others."""


def quantize_static(model: "ModelProto", plan: QuantizationPlan) -> "ModelProto":
    """Quantize products with weights, and the operators between them."""
    import onnx
    from onnxruntime import quantization

    keep = plan.exclude
    spell_out(model, keep)
    # Batch normalization is folded into convolutions; products keep their separate biases.
    fused = rewritten(model, {}, ["ConstantSharing", "MatMulAddFusion"])
    with output_file() as path:
        quantization.quantize_static(
            fused,
            path,
            _reader(plan.calibration),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=list(_OPERATORS),
            nodes_to_exclude=[*keep, *_grouped(fused)],
            extra_options={
                "MatMulConstBOnly": True,
                "OpTypesToExcludeOutputQuantization": list(_FLOAT_OUTPUTS),
                "TensorQuantOverrides": _overrides(fused),
            },
        )
        return onnx.load(path)


def _grouped(model: "ModelProto") -> list[str]:
    """Return transposed convolutions in groups, whose channels the library counts wrongly."""
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "ConvTranspose"
        and any(each.name == "group" and each.i > 1 for each in node.attribute)
    ]


def _overrides(model: "ModelProto") -> dict[str, list[dict[str, object]]]:
    """Request one scale for weights that are several matrices; see `dynamic`."""
    from onnxruntime.quantization import QuantType

    names = set(batched(model))
    weights = [node.input[1] for node in model.graph.node if node.name in names]
    return {each: [{"quant_type": QuantType.QInt8, "reduce_range": True}] for each in weights}


def _reader(requests: Sequence[dict[str, Array]]) -> "CalibrationDataReader":
    """Return a reader of the requests for calibration: one at each call, then None."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        rest = iter(requests)

        def get_next(self) -> dict[str, Array] | None:  # type: ignore[override] # the end is None
            return next(self.rest, None)

    return Reader()


SCHEMES = (Scheme("static", "int8", quantize_static, calibrated=True),)
