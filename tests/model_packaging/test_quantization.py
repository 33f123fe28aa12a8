import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from functions.inference.session import OnnxSession
from model_packaging.conversion import Conversion
from model_packaging.errors import QuantizationError
from model_packaging.quantization import quantize_dynamic
from tests.model_packaging.models import linear, linear_bytes, rows
from tests.worlds import echo


def operators(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_model_from_string(model).graph.node]


def test_the_example_becomes_smaller_and_keeps_its_signature(converted: Conversion) -> None:
    quantized = quantize_dynamic("digits", converted.onnx)
    assert len(quantized) < 0.5 * len(converted.onnx)
    before, after = OnnxSession(converted.onnx), OnnxSession(quantized)
    assert (after.inputs, after.outputs) == (before.inputs, before.outputs)


def test_the_same_model_gives_the_same_bytes(converted: Conversion) -> None:
    once, again = (quantize_dynamic("digits", converted.onnx) for _ in range(2))
    assert once == again


@pytest.mark.parametrize("operator", ["MatMul", "Gemm"])
def test_answers_stay_close(operator: str) -> None:
    model = linear_bytes(operator=operator)
    quantized = quantize_dynamic("linear", model)
    assert "MatMulInteger" in operators(quantized)
    before, after = (OnnxSession(each).run({"x": rows()})["scores"] for each in (model, quantized))
    assert np.abs(before - after).max() < 0.1


def test_weights_of_constant_nodes_are_quantised_too() -> None:
    model = linear()
    weight = model.graph.initializer.pop()
    model.graph.node.insert(0, helper.make_node("Constant", [], ["weight"], value=weight))
    assert "MatMulInteger" in operators(quantize_dynamic("linear", model.SerializeToString()))


def test_embeddings_are_quantised() -> None:
    table = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "word"], ["vector"])],
        "embedding",
        [helper.make_tensor_value_info("word", TensorProto.INT64, ["batch"])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    quantized = quantize_dynamic("words", model.SerializeToString())
    vectors = OnnxSession(quantized).run({"word": np.arange(50)})["vector"]
    assert np.abs(vectors - table).max() < 0.05


def test_a_model_without_weights_to_quantise_is_told_so() -> None:
    with pytest.raises(
        QuantizationError, match=r"nothing to quantise \(it is Identity\)"
    ) as caught:
        quantize_dynamic("echo", echo())
    assert "models.echo.quantize: none" in str(caught.value)


def test_a_model_that_is_quantised_already_is_told_so() -> None:
    quantized = quantize_dynamic("linear", linear_bytes())
    with pytest.raises(QuantizationError, match="has nothing to quantise"):
        quantize_dynamic("linear", quantized)


def test_notes_of_the_model_stay_and_none_of_the_tools_are_added() -> None:
    model = linear()
    model.metadata_props.add(key="author", value="us")
    quantized = onnx.load_model_from_string(quantize_dynamic("linear", model.SerializeToString()))
    assert [(entry.key, entry.value) for entry in quantized.metadata_props] == [("author", "us")]


def test_the_root_logger_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    quantize_dynamic("linear", linear_bytes())
    assert logging.getLogger().handlers == handlers
    assert logging.root.manager.disable == logging.NOTSET
    assert capfd.readouterr() == ("", "")
