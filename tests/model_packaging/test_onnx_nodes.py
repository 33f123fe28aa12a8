import numpy as np
import onnx

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.onnx_nodes import Nodes, element_type, value_info

NUMBERS = value_info("x", np.float32, ("rows", 2)), value_info("y", np.float32, ("rows", 2))


def run(nodes: Nodes, output: str) -> tuple[onnx.ModelProto, list[list[float]]]:
    nodes.named(output, "y")
    model = nodes.model(NUMBERS[:1], NUMBERS[1:])
    found = OnnxSession(model.SerializeToString()).run({"x": np.array([[1, 2]], np.float32)})
    return model, found["y"].tolist()


def test_nodes_and_constants_that_no_output_needs_are_left_out() -> None:
    nodes = Nodes()
    nodes.node("Mul", "x", nodes.constant(np.float32(7)))
    model, found = run(nodes, nodes.node("Add", "x", nodes.constant(np.float32(3))))
    assert found == [[4.0, 5.0]]
    assert len(model.graph.initializer) == 1
    assert [node.op_type for node in model.graph.node] == ["Add", "Identity"]


def test_equal_constants_are_stored_once_and_a_scalar_is_no_list_of_one() -> None:
    nodes = Nodes()
    assert nodes.constant(3) == nodes.constant(np.int64(3))
    assert nodes.constant(3) != nodes.constant([3])
    assert nodes.constant(3) != nodes.constant(3, np.float32)
    assert nodes.constant(["a"]) == nodes.constant(np.array(["a"], np.object_))


def test_a_model_can_be_embedded_twice() -> None:
    inner = Nodes()
    inner.named(inner.node("Mul", "x", inner.constant(np.float32(2))), "y")
    doubled = inner.model(NUMBERS[:1], NUMBERS[1:])
    nodes = Nodes()
    (once,) = nodes.embed(doubled, {"x": "x"})
    (twice,) = nodes.embed(doubled, {"x": once})
    assert run(nodes, twice)[1] == [[4.0, 8.0]]


def test_texts_of_all_dtypes_are_strings() -> None:
    types = {element_type(np.dtype(dtype)) for dtype in ("O", "U3", "S3")}
    assert types == {onnx.TensorProto.STRING}
