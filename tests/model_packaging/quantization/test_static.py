import numpy as np
import onnx

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.pruning.networks import convolutional, normal

ROWS = normal(64, 1, 8, 8, seed=9)


def apply(scheme: str, *exclude: str) -> onnx.ModelProto:
    content = convolutional().SerializeToString()
    plan = QuantizationPlan(exclude, [{"x": ROWS[:32]}])
    return onnx.load_model_from_string(quantize("net", content, SCHEMES[scheme], plan))


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def apart(model: onnx.ModelProto) -> float:
    """How far its answers are from the original's, on rows that it was not calibrated on."""
    wanted, found = (
        OnnxSession(each.SerializeToString()).run({"x": ROWS[32:]})["y"]
        for each in (convolutional(), model)
    )
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def test_a_convolutional_network_is_quantized_with_its_normalization_folded_in() -> None:
    model = apply("static")
    assert "BatchNormalization" not in operators(model)
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= operators(model)
    assert apart(model) < 0.1


def test_channels_have_scales_of_their_own() -> None:
    model = apply("static")
    scales = [each for each in model.graph.initializer if each.name.endswith("w2_scale")]
    assert [list(each.dims) for each in scales] == [[6]]


def quantized(model: onnx.ModelProto) -> set[str]:
    return {
        each.name.partition("_")[0] for each in model.graph.initializer if "_quant" in each.name
    }


def test_an_excluded_convolution_stays_as_it_is_though_it_is_fused() -> None:
    assert {"w2", "w3"} <= quantized(apply("static"))
    assert "w2" not in quantized(apply("static", "Conv"))


def test_dynamic_quantization_takes_convolutions_too() -> None:
    model = apply("dynamic")
    assert {"ConvInteger", "MatMulInteger"} <= operators(model)
    assert apart(model) < 0.1
