import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.check.graph_probes import (
    compared,
    decision_probes,
    size_probes,
    with_size,
)
from tests.model_packaging.models import linear, rows


def stepped(
    operator: str = "GreaterOrEqual", at: float = 0.375, *, inner: bool = False
) -> ModelProto:
    """`y` is 1 from a step on, else 0; the step is a weight, or a constant inside."""
    step = numpy_helper.from_array(np.array([at], np.float32), "step")
    nodes = [
        helper.make_node(operator, ["x", "step"], ["above"]),
        helper.make_node("Cast", ["above"], ["y"], to=TensorProto.FLOAT),
    ]
    if inner:
        nodes.insert(0, helper.make_node("Constant", [], ["step"], value=step))
    graph = helper.make_graph(
        nodes,
        "stepped",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [] if inner else [step],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_numbers_that_a_graph_compares_with_are_found_wherever_they_stand() -> None:
    assert compared(stepped()) == compared(stepped(inner=True)) == [0.375]
    assert compared(stepped("Less", 2)) == [2]
    assert compared(linear()) == []


def test_of_several_numbers_each_is_found() -> None:
    model = stepped()
    edges = numpy_helper.from_array(np.array([-1, 0.5, 7], np.float32), "step")
    model.graph.initializer[0].CopyFrom(edges)
    assert compared(model) == [-1, 0.5, 7]
    specs = OnnxSession(model.SerializeToString()).inputs
    everywhere, _ = decision_probes(model, specs, {"x": np.zeros((1, 3), np.float32)})
    assert {-1, 0.5, 7} <= set(everywhere.inputs["x"][:, 0].tolist())


def test_rows_hold_the_number_and_its_neighbors_everywhere_and_in_one_place() -> None:
    model = stepped()
    given = {"x": np.zeros((2, 3), np.float32)}
    specs = OnnxSession(model.SerializeToString()).inputs
    everywhere, alone = decision_probes(model, specs, given)
    at = np.float32(0.375)
    beside = [np.nextafter(at, np.float32(-9)), at, np.nextafter(at, np.float32(9))]
    assert everywhere.inputs["x"].tolist() == [[value] * 3 for value in beside]
    assert alone.inputs["x"].diagonal().tolist() == beside
    assert np.count_nonzero(alone.inputs["x"]) == 3
    right = OnnxSession(model.SerializeToString()).run(everywhere.inputs)["y"]
    wrong = OnnxSession(stepped("Greater").SerializeToString()).run(everywhere.inputs)["y"]
    assert (right != wrong).any(axis=1).tolist() == [False, True, False]


def test_a_graph_without_decisions_needs_no_such_rows() -> None:
    model = linear()
    specs = OnnxSession(model.SerializeToString()).inputs
    assert decision_probes(model, specs, {"x": rows(2)}) == ()


AXES = {"x": {0: "batch", 1: "time"}, "mask": {0: "batch"}}


def test_axes_of_one_name_change_together_and_others_stay() -> None:
    given = {"x": np.arange(6).reshape(2, 3), "mask": np.arange(2), "scale": np.array(2)}
    found = with_size(given, AXES, "batch", 3)
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5], [0, 1, 2]]
    assert found["mask"].tolist() == [0, 1, 0]
    assert found["scale"].tolist() == 2


def test_several_small_sizes_are_tried_or_those_at_the_edges() -> None:
    given = {"x": np.zeros((2, 3)), "mask": np.zeros(2)}
    shapes = {probe.inputs["x"].shape for probe in size_probes(given, AXES)}
    assert {(1, 3), (2, 3), (3, 3), (7, 3), (2, 1), (2, 7)} <= shapes
    edges = {probe.kind for probe in size_probes(given, AXES, {"time": [2, 100]})}
    assert edges == {f"size {size} along 'time'" for size in (1, 2, 3, 99, 100, 101)}


def test_sizes_that_take_too_much_memory_are_left_out() -> None:
    given = {"x": np.zeros((2, 3)), "mask": np.zeros(2)}
    assert size_probes(given, AXES, {"time": [1 << 40]}) == ()
