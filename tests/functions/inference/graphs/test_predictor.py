"""A graph answers as its models do one after the other, and says which of them failed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from lading.functions.contract.errors import (
    InvalidInput,
    NoRouteMatched,
    PredictionFailed,
    UnexpectedOutput,
)
from lading.functions.inference.models.predictor import Answer, Batching, take_runs
from lading.functions.inference.tensors.conversion import Array
from tests.functions.inference.graphs.worlds import X, Y, node, open_graph, step
from tests.support.worlds import FLOAT, add_sub, echo_named, onnx_model, times

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)
TWO_THREE = {"two": times(2), "three": times(3)}
KEY = {"name": "key", "datatype": "BYTES", "shape": [-1]}


def texts(*items: str) -> Array:
    array = np.empty(len(items), np.object_)
    array[:] = [item.encode() for item in items]
    return array


def test_a_sequence_passes_outputs_on_by_name(tmp_path: Path) -> None:
    root = node("sequence", step("two", returned="between"), step("three", "between"))
    graph = open_graph(tmp_path, TWO_THREE, {"root": root})
    assert graph.predict({"x": ROWS})["y"].tolist() == (6 * ROWS).tolist()
    assert [run.node for run in take_runs()] == ["two", "three"]


def test_a_sequence_may_also_return_what_an_earlier_step_returned(tmp_path: Path) -> None:
    root = node("sequence", step("two", returned="z"), step("three", "z"), outputs=["z", "y"])
    graph = open_graph(tmp_path, TWO_THREE, {"root": root}, outputs=[{**Y, "name": "z"}, Y])
    found = graph.predict({"x": ROWS})
    assert {name: array.tolist() for name, array in found.items()} == {
        "z": (2 * ROWS).tolist(),
        "y": (6 * ROWS).tolist(),
    }
    assert [*graph.predict({"x": ROWS}, ["z"])] == ["z"]
    with pytest.raises(UnexpectedOutput):
        graph.predict({"x": ROWS}, ["between"])


def test_a_step_of_which_nothing_is_wanted_changes_nothing(tmp_path: Path) -> None:
    unused = {"use": "three", "inputs": {"x": "x"}, "outputs": {}}
    root = node("sequence", step("two"), unused)
    assert open_graph(tmp_path, TWO_THREE, {"root": root}).predict({"x": ROWS})["y"].tolist() == (
        (2 * ROWS).tolist()
    )


@pytest.mark.parametrize(
    ("how", "shares", "factor"), [("mean", (0.5, 0.5), 2.5), ("weighted", (0.75, 0.25), 2.25)]
)
def test_an_ensemble_combines_what_all_steps_answer(
    tmp_path: Path, how: str, shares: tuple[float, float], factor: float
) -> None:
    steps = [step(use, share=share) for use, share in zip(TWO_THREE, shares, strict=True)]
    graph = open_graph(tmp_path, TWO_THREE, {"root": node("ensemble", *steps, combine={"y": how})})
    assert graph.predict({"x": ROWS})["y"].tolist() == (factor * ROWS).tolist()


def test_own_code_combines_what_all_steps_answer(tmp_path: Path) -> None:
    code = b"def combine(answers):\n    return {'y': answers[1]['y'] - answers[0]['y']}\n"
    root = node("ensemble", step("two"), step("three"), code="root+combine.py")
    graph = open_graph(tmp_path, TWO_THREE, {"root": root}, files={"root+combine.py": code})
    assert graph.predict({"x": ROWS})["y"].tolist() == ROWS.tolist()
    assert graph.batching is None  # it may look at other rows


def test_each_row_goes_the_way_that_its_own_value_decides(tmp_path: Path) -> None:
    when = {"tensor": "key", "comparison": "eq", "value": "a"}
    other = {"tensor": "key", "comparison": "in", "value": ["b", "c"]}
    root = node("switch", step("two", when=[when]), step("three", when=[other]), by_row=True) | {
        "inputs": ["x", "key"]
    }
    graph = open_graph(tmp_path, TWO_THREE, {"root": root}, inputs=[X, KEY])
    found = graph.predict({"x": ROWS, "key": texts("c", "a", "b")})["y"]
    assert found.tolist() == [[3.0, 6.0], [6.0, 8.0], [15.0, 18.0]]
    assert {run.node for run in take_runs()} == {"two", "three"}
    graph.predict({"x": ROWS[:1], "key": texts("a")})
    assert [run.node for run in take_runs()] == ["two"]
    with pytest.raises(NoRouteMatched, match=r"the switch 'root' matches: 'key' is 'd'"):
        graph.predict({"x": ROWS, "key": texts("a", "d", "b")})
    assert graph.predict({"x": ROWS[:0], "key": texts()})["y"].shape == (0, 2)


def test_a_splitter_sends_equal_keys_the_same_way_in_its_proportions(tmp_path: Path) -> None:
    root = node(
        "splitter", step("two", share=0.8), step("three", share=0.2), by_row=True, key=["key"]
    ) | {"inputs": ["x", "key"]}
    graph = open_graph(tmp_path, TWO_THREE, {"root": root}, inputs=[X, KEY])
    count = 2000
    rows = np.ones((count, 2), np.float32)
    keys = texts(*map(str, range(count)))
    factors = graph.predict({"x": rows, "key": keys})["y"][:, 0]
    assert sorted({*factors.tolist()}) == [2.0, 3.0]
    assert 0.15 < np.mean(factors == 3) < 0.25
    alone = [graph.predict({"x": rows[:1], "key": keys[i : i + 1]})["y"][0, 0] for i in range(40)]
    assert alone == factors[:40].tolist()


@pytest.mark.parametrize("kind", ["switch", "splitter"])
@pytest.mark.parametrize("count", [0, 2, 4])
def test_inputs_of_different_numbers_of_rows_are_the_callers_mistake(
    tmp_path: Path, kind: str, count: int
) -> None:
    when = {"tensor": "key", "comparison": "eq", "value": "a"}
    ways: dict[str, list[dict[str, Any]]] = {
        "switch": [step("two", when=[when]), step("three")],
        "splitter": [step("two", share=0.5), step("three", share=0.5)],
    }
    changes = {"by_row": True, "inputs": ["x", "key"], "key": ["key"]}
    root = {"root": node(kind, *ways[kind]) | changes}
    graph = open_graph(tmp_path, TWO_THREE, root, inputs=[X, KEY])
    reason = rf"input 'key' has {count} rows, 'x' has 3"
    with pytest.raises(InvalidInput, match=reason):
        graph.predict({"x": ROWS, "key": texts(*"abcd"[:count])})


def test_nothing_is_copied_between_models(tmp_path: Path) -> None:
    graph = open_graph(
        tmp_path,
        TWO_THREE,
        {"root": node("sequence", step("two", returned="z"), step("three", "z"))},
    )
    seen: list[Array] = []
    for part in graph._root._waves:  # type: ignore[attr-defined]
        model = part[0].part
        model.answer = _noting(model.answer, seen)
    graph.predict({"x": ROWS})
    given, between, taken, _ = seen
    assert given is ROWS
    assert taken is between


def _noting(answer: Answer, seen: list[Array]) -> Answer:
    def noted(inputs: dict[str, Array]) -> dict[str, Array]:
        found = answer(inputs)
        seen.extend([*inputs.values(), *found.values()])
        return found

    return noted


def test_the_callers_mistakes_are_named_as_the_caller_knows_them(tmp_path: Path) -> None:
    inner = {"use": "sum", "inputs": {"a": "x", "b": "x"}, "outputs": {"sum": "y"}}
    wide = {**X, "shape": [-1, -1]}
    graph = open_graph(
        tmp_path, {"sum": add_sub()}, {"root": node("sequence", inner)}, inputs=[wide]
    )
    with pytest.raises(InvalidInput, match=r"unexpected shape for input 'x': \[3, 2\]"):
        graph.predict({"x": ROWS})
    with pytest.raises(InvalidInput, match=r"unexpected inference input 'z'"):
        graph.predict({"z": ROWS})


def test_a_model_that_refuses_what_another_returned_is_a_failure_of_the_graph(
    tmp_path: Path,
) -> None:
    inner = {"use": "sum", "inputs": {"a": "z", "b": "z"}, "outputs": {"sum": "y"}}
    root = node("sequence", step("two", returned="z"), inner)
    graph = open_graph(tmp_path, {"two": times(2), "sum": add_sub()}, {"root": root})
    with pytest.raises(PredictionFailed, match=r"model 'graph' version 1 .* refuses what another"):
        graph.predict({"x": ROWS})
    assert [(run.node, run.error) for run in take_runs()] == [
        ("two", ""),
        ("sum", "UnexpectedShape"),
    ]


def test_a_failing_model_is_named(tmp_path: Path) -> None:
    at = (FLOAT, ["batch", 2])
    fails = onnx_model(
        {"x": at},
        {"y": at},
        helper.make_node("Constant", [], ["sizes"], value_ints=[7, 7]),
        helper.make_node("Reshape", ["x", "sizes"], ["y"]),
    )
    graph = open_graph(tmp_path, {"bad": fails}, {"root": node("sequence", step("bad"))})
    with pytest.raises(PredictionFailed, match="failed to predict: its model 'bad':"):
        graph.predict({"x": ROWS})


def test_requests_are_joined_only_where_all_models_allow_it(tmp_path: Path) -> None:
    alike = {"largest_difference": 0.0, "largest_relative_difference": 0.0, "label_flips": 0}
    measured = {"batch": {**alike, "beside_unusual_rows": alike}}
    nodes = {"root": node("sequence", step("two"))}
    graph = open_graph(tmp_path / "a", {"two": times(2)}, nodes, facts=measured)
    assert graph.batching == Batching()
    graph = open_graph(tmp_path / "b", {"two": times(2)}, nodes)
    assert graph.batching is None  # nothing was measured


def test_votes_are_counted_for_each_row(tmp_path: Path) -> None:
    at = ["batch"]
    models = {name: echo_named(name, "y", TensorProto.INT64, at) for name in ("a", "b", "c")}
    inputs = [{"name": name, "datatype": "INT64", "shape": [-1]} for name in models]
    steps = [
        {"use": name, "inputs": {name: name}, "outputs": {"y": "y"}, "share": 1 / 3}
        for name in models
    ]
    root = node("ensemble", *steps, combine={"y": "vote"}) | {"inputs": [*models]}
    graph = open_graph(
        tmp_path,
        models,
        {"root": root},
        inputs=inputs,
        outputs=[{"name": "y", "datatype": "INT64", "shape": [-1]}],
    )
    found = graph.predict(
        {"a": np.array([1, 1, 5]), "b": np.array([2, 3, 6]), "c": np.array([2, 1, 7])}
    )
    assert found["y"].tolist() == [2, 1, 5]  # of equal votes, those of the first step
