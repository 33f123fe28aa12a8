import logging

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.errors import QuantizationError
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.models import (
    linear,
    linear_bytes,
    rows,
    wide,
    wide_bytes,
    wide_rows,
    wide_weights,
)
from tests.model_packaging.quantization import graphs
from tests.support.worlds import echo

ROWS = QuantizationPlan(calibration=[{"x": wide_rows()}])
EVERY = sorted(SCHEMES)


def apply(name: str, model: bytes, plan: QuantizationPlan = ROWS) -> bytes:
    return quantize("linear", model, SCHEMES[name], plan)


@pytest.mark.parametrize(
    ("scheme", "size"),
    [("dynamic", 0.27), ("static", 0.3), ("fp16", 0.52), ("int8", 0.29), ("int4", 0.19)],
)
def test_a_model_becomes_smaller_and_keeps_its_signature(scheme: str, size: float) -> None:
    quantized = apply(scheme, wide_bytes())
    assert len(quantized) < size * len(wide_bytes())
    before, after = OnnxSession(wide_bytes()), OnnxSession(quantized)
    assert (after.inputs, after.outputs) == (before.inputs, before.outputs)


@pytest.mark.parametrize(
    ("scheme", "apart"),
    [("dynamic", 0.03), ("static", 0.05), ("fp16", 0.005), ("int8", 0.01), ("int4", 0.15)],
)
@pytest.mark.parametrize("operator", ["MatMul", "Gemm"])
def test_answers_stay_close(scheme: str, apart: float, operator: str) -> None:
    model = wide(operator).SerializeToString()
    wanted = OnnxSession(model).run({"x": wide_rows()})["scores"]
    found = OnnxSession(apply(scheme, model)).run({"x": wide_rows()})["scores"]
    assert np.abs(found - wanted).max() < apart * np.abs(wanted).max()


@pytest.mark.parametrize("scheme", EVERY)
def test_the_same_model_gives_the_same_bytes(scheme: str) -> None:
    assert apply(scheme, wide_bytes()) == apply(scheme, wide_bytes())


@pytest.mark.parametrize("scheme", EVERY)
@pytest.mark.parametrize("pattern", ["MatMul", "pro*", "product"])
def test_an_excluded_node_stays_as_it_is(scheme: str, pattern: str) -> None:
    with pytest.raises(QuantizationError, match="nothing to quantize"):
        apply(scheme, wide_bytes(), QuantizationPlan((pattern,), ROWS.calibration))


@pytest.mark.parametrize("scheme", EVERY)
@pytest.mark.parametrize("pattern", ["Gemm", "pro*", "product"])
def test_an_excluded_gemm_stays_as_it_is(scheme: str, pattern: str) -> None:
    with pytest.raises(QuantizationError, match="nothing to quantize"):
        apply(
            scheme, wide("Gemm").SerializeToString(), QuantizationPlan((pattern,), ROWS.calibration)
        )


@pytest.mark.parametrize("scheme", EVERY)
def test_an_operator_is_that_of_the_model_not_of_what_is_made_of_it(scheme: str) -> None:
    """A `Gemm` becomes a `MatMul` to be quantized; only the other one is excluded."""
    model = wide("Gemm")
    model.graph.node[0].output[0] = "hidden"
    model.graph.node.append(helper.make_node("MatMul", ["hidden", "other"], ["scores"]))
    other = numpy_helper.from_array(wide_weights(), "other")
    model.graph.initializer.append(other)
    plan = QuantizationPlan(("MatMul",), ROWS.calibration)
    quantized = onnx.load_model_from_string(apply(scheme, model.SerializeToString(), plan))
    kinds = {each.name: each.data_type for each in quantized.graph.initializer}
    assert kinds["other"] == onnx.TensorProto.FLOAT
    assert kinds.get("weight") != onnx.TensorProto.FLOAT


def test_the_example_becomes_smaller(converted: Conversion) -> None:
    assert len(apply("dynamic", converted.onnx)) < 0.5 * len(converted.onnx)


@pytest.mark.parametrize("scheme", EVERY)
def test_a_model_without_weights_to_quantize_is_told_so(scheme: str) -> None:
    with pytest.raises(
        QuantizationError, match=r"nothing to quantize \(operators: Identity\)"
    ) as caught:
        quantize(
            "echo",
            echo(),
            SCHEMES[scheme],
            QuantizationPlan(calibration=[{"x": np.ones((1, 2), "f")}]),
        )
    assert "models.echo.quantize: none" in str(caught.value)


def test_a_model_that_is_quantized_already_is_told_so() -> None:
    with pytest.raises(QuantizationError, match="has nothing to quantize"):
        apply("dynamic", apply("dynamic", linear_bytes()))


def test_notes_of_the_model_stay_and_none_of_the_tools_are_added() -> None:
    model = linear()
    model.metadata_props.add(key="author", value="us")
    quantized = onnx.load_model_from_string(apply("dynamic", model.SerializeToString()))
    assert [(entry.key, entry.value) for entry in quantized.metadata_props] == [("author", "us")]


@pytest.mark.parametrize("scheme", EVERY)
def test_the_root_logger_is_left_alone(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    apply(scheme, wide_bytes())
    assert logging.getLogger().handlers == handlers
    assert logging.root.manager.disable == logging.NOTSET
    assert capfd.readouterr() == ("", "")


def test_a_failure_of_the_library_is_one_clear_error() -> None:
    with pytest.raises(QuantizationError, match=r"cannot be quantized: .*set models\.linear"):
        apply("static", wide_bytes(), QuantizationPlan(calibration=[{"x": rows()}]))


def test_an_old_operator_set_is_refused_instead_of_being_relabeled() -> None:
    """`Softmax` means another thing since 13; float16 needs no newer operators."""
    model = graphs.old(9).SerializeToString()
    for scheme in ("dynamic", "int4", "int8", "static"):
        plan = QuantizationPlan(calibration=[{"x": graphs.normal(40, graphs.WIDTH)}])
        with pytest.raises(QuantizationError, match=r"operator set 9, and .* needs 13 or newer"):
            quantize("net", model, SCHEMES[scheme], plan)
    assert quantize("net", model, SCHEMES["fp16"], QuantizationPlan())
