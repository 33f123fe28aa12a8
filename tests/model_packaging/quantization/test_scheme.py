import logging

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.errors import QuantizationError
from lading.model_packaging.pruning.magnitude import prune_weights, store_sparsely
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
from tests.support.worlds import echo

ROWS = QuantizationPlan(calibration=[{"x": wide_rows()}])
EVERY = sorted(SCHEMES)


def apply(name: str, model: bytes, plan: QuantizationPlan = ROWS) -> bytes:
    return quantize("linear", model, SCHEMES[name], plan)


def test_there_is_a_scheme_for_each_word_of_the_manifest() -> None:
    assert EVERY == ["dynamic", "fp16", "int4", "int8", "static"]


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


def test_an_exclusion_that_means_nothing_is_told_so() -> None:
    with pytest.raises(QuantizationError, match=r"no node or operator 'Gem' .*operators: MatMul"):
        apply("dynamic", linear_bytes(), QuantizationPlan(("Gem",)))


def test_the_example_becomes_smaller(converted: Conversion) -> None:
    assert len(apply("dynamic", converted.onnx)) < 0.5 * len(converted.onnx)


@pytest.mark.parametrize("scheme", EVERY)
def test_weights_of_constant_nodes_are_quantized_too(scheme: str) -> None:
    model = wide()
    weight = model.graph.initializer.pop()
    model.graph.node.insert(0, helper.make_node("Constant", [], ["weight"], value=weight))
    content = model.SerializeToString()
    assert len(apply(scheme, content)) < 0.6 * len(content)


@pytest.mark.parametrize("scheme", EVERY)
def test_weights_that_are_stored_sparsely_are_quantized_too(scheme: str) -> None:
    model = wide()
    prune_weights(model, 0.8, [], everywhere=False)
    plain = model.SerializeToString()
    store_sparsely(model)
    content = apply(scheme, model.SerializeToString())
    wanted, found = (
        OnnxSession(each).run({"x": wide_rows()})["scores"] for each in (plain, content)
    )
    assert len(content) < 0.6 * len(plain)
    assert np.abs(found - wanted).max() < 0.2 * np.abs(wanted).max()


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
