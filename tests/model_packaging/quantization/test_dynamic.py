import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.models import wide, wide_bytes


def apply(model: bytes) -> bytes:
    return quantize("model", model, SCHEMES["dynamic"], QuantizationPlan())


def weights_of(model: bytes) -> list[Array]:
    """The quantized matrices and kernels."""
    graph = onnx.load_model_from_string(model).graph
    arrays = [numpy_helper.to_array(weight) for weight in graph.initializer]
    return [array for array in arrays if array.dtype.itemsize == 1 and array.ndim > 1]


def matrix(weight: Array) -> bytes:
    model = wide()
    graph = model.graph
    graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "weight"))
    for value, size in zip((graph.input[0], graph.output[0]), weight.shape, strict=True):
        value.type.tensor_type.shape.dim[1].dim_value = size
    return bytes(model.SerializeToString())


def test_weights_of_matrices_take_7_bits_so_that_no_processor_saturates() -> None:
    (weight,) = weights_of(apply(wide_bytes()))
    assert weight.dtype == np.int8
    assert weight.min() >= -64
    assert weight.max() <= 64


def test_each_column_has_a_scale_of_its_own() -> None:
    weight = np.outer(np.linspace(-1, 1, 64), np.array([1e-3, 1e3])).astype(np.float32)
    model = matrix(weight)
    x = np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32)
    answer = OnnxSession(apply(model)).run({"x": x})["scores"]
    wanted = x @ weight
    assert (np.abs(answer - wanted).max(axis=0) < 0.05 * np.abs(wanted).max(axis=0)).all()


def test_embeddings_are_quantized() -> None:
    table = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "word"], ["vector"])],
        "embedding",
        [helper.make_tensor_value_info("word", TensorProto.INT64, ["batch"])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    vectors = OnnxSession(apply(model.SerializeToString())).run({"word": np.arange(50)})["vector"]
    assert np.abs(vectors - table).max() < 0.05


def test_a_layer_whose_bias_counts_nothing_is_quantized_too() -> None:
    model = wide()
    (node,) = model.graph.node
    columns = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    bias = numpy_helper.from_array(np.full(columns, 1e6, np.float32), "bias")
    model.graph.initializer.append(bias)
    layer = helper.make_node("Gemm", [*node.input, "bias"], list(node.output), beta=0.0)
    node.CopyFrom(layer)
    content = model.SerializeToString()
    x = np.random.default_rng(0).standard_normal((8, 128)).astype(np.float32)
    answer, wanted = (
        OnnxSession(each).run({"x": x})["scores"] for each in (apply(content), content)
    )
    assert np.abs(answer - wanted).max() < 0.05 * np.abs(wanted).max()
