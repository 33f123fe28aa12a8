"""Static int8: weights and activations are 8-bit integers, their ranges measured on given rows.

Written with QuantizeLinear and DequantizeLinear around each operator (QDQ), which onnxruntime turns
into integer kernels. The right scheme for convolutional networks; transformers are as small and as
quick with `dynamic`, and a little nearer. Weights take 7 bits and a scale for each channel, as in
`dynamic`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from functions.inference.tensors import Array
from model_packaging.quantization.graphs import excluded, output_file
from model_packaging.quantization.scheme import Plan, Scheme

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime.quantization import CalibrationDataReader


_OPERATORS = (
    *("Conv", "ConvTranspose", "Gemm", "MatMul", "Gather"),
    *("Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool", "Reshape", "Flatten"),
)
"""Products, and what hands integers on. Sums, softmax and layer normalisation stay floats: in a
transformer their outliers would cost most of the accuracy, and they hold no weights."""

_FLOAT_OUTPUTS = ("Gemm", "MatMul")
"""What comes out of them stays a float until something quantised takes it: it goes into sums and
normalisations, and a few large numbers in it would leave few steps for all the others."""


def quantize_static(model: "ModelProto", plan: Plan) -> "ModelProto":
    """Quantise products of weights, and what lies between them."""
    import onnx
    from onnxruntime import quantization

    exclude = [*excluded(model, plan.exclude), *excluded(prepared := _fuse(model), plan.exclude)]
    with output_file() as path:
        quantization.quantize_static(
            prepared,
            path,
            _reader(plan.calibration),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=list(_OPERATORS),
            nodes_to_exclude=exclude,
            extra_options={
                "MatMulConstBOnly": True,
                "OpTypesToExcludeOutputQuantization": list(_FLOAT_OUTPUTS),
            },
        )
        return onnx.load(path)


def _reader(requests: Sequence[dict[str, Array]]) -> "CalibrationDataReader":
    """The requests as onnxruntime's calibration wants them: one at each call, then None."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        rest = iter(requests)

        def get_next(self) -> dict[str, Array] | None:  # type: ignore[override] # the end is None
            return next(self.rest, None)

    return Reader()


def _fuse(model: "ModelProto") -> "ModelProto":
    """With batch normalisation folded into convolutions, and shapes inferred."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with output_file() as path:
        onnx.save(model, path)  # given a model, it would write one with external data
        quant_pre_process(path, path, skip_symbolic_shape=True)
        return onnx.load(path)


SCHEMES = (Scheme("static", "int8", quantize_static, calibrated=True),)
