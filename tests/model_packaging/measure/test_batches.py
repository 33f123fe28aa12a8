import numpy as np
import onnx
import pytest
from onnx import helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.measure.batches import Dependence, Inseparable, measure_dependence
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.models import wide_bytes, wide_rows
from tests.model_packaging.quantization.graphs import WIDTH, graph, normal


def rows(**inputs: np.ndarray) -> Samples:
    return Samples("model", "rows", inputs, len(next(iter(inputs.values()))), 0)


def measured(model: Model, *unusual: Request, x: np.ndarray | None = None) -> Dependence:
    return measure_dependence(model, rows(x=wide_rows() if x is None else x), unusual)


def test_an_exact_model_answers_alike_whatever_is_beside_a_row() -> None:
    found = measured(OnnxSession(wide_bytes()).run, {"x": 1e6 * wide_rows(2)})
    assert (found.rows, found.sizes) == (40, (2, 8, 32))
    assert found.usual.difference < 1e-4
    assert found.unusual.difference < 1e-4
    alike = {"largest_difference": 0.0, "largest_relative_difference": 0.0, "label_flips": 0}
    document = found.to_json()
    assert document == {"rows": 40, "sizes": [2, 8, 32], **alike, "beside_unusual_rows": alike}


def test_a_dynamically_quantized_model_depends_on_the_rows_beside() -> None:
    quantized = quantize("wide", wide_bytes(), SCHEMES["dynamic"], QuantizationPlan())
    run = OnnxSession(quantized).run
    found = measured(run, {"x": 100 * wide_rows(2)})
    assert 0.001 < found.usual.relative < 0.1
    assert found.unusual.relative > 5 * found.usual.relative
    alone, among = run({"x": wide_rows()[:1]}), run({"x": wide_rows()[:32]})
    assert np.abs(alone["scores"] - among["scores"][:1]).max() <= found.usual.difference * 1.5
    document = found.to_json()
    assert document["sizes"] == [2, 8, 32]
    assert document["largest_difference"] == pytest.approx(found.usual.difference, rel=0.01)
    assert document["beside_unusual_rows"]["label_flips"] > document["label_flips"] >= 0


def test_the_same_rows_give_the_same_figures() -> None:
    run = OnnxSession(quantize("wide", wide_bytes(), SCHEMES["dynamic"], QuantizationPlan())).run
    assert measured(run).to_json() == measured(run).to_json()


def across() -> onnx.ModelProto:
    """A graph that takes the mean over the rows from each."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "m"], ["y"]),
    ]
    return graph(nodes)


def test_a_graph_that_computes_across_rows_is_found_out() -> None:
    run = OnnxSession(across().SerializeToString()).run
    found = measured(run, x=normal(20, WIDTH))
    assert found.usual.difference > 1
    assert found.usual.flips > 0


def test_other_labels_are_counted() -> None:
    def says_the_largest(inputs: Request) -> Request:
        x = inputs["x"][:, 0]
        return {"label": (x == x.max()).astype(np.int64)}

    found = measured(says_the_largest)
    assert found.usual.flips > 30
    assert found.usual.difference == 0


def test_labels_that_are_texts_are_compared() -> None:
    def labels(inputs: Request) -> Request:
        found = np.empty(len(inputs["x"]), np.object_)
        found[:] = [b"alone" if len(found) == 1 else b"among"] * len(found)
        return {"label": found}

    assert measured(labels).usual.flips > 0
    assert (
        measured(
            lambda inputs: {
                "label": labels({"x": inputs["x"][:1]})["label"].repeat(len(inputs["x"]))
            }
        ).usual.flips
        == 0
    )


def test_unusual_rows_that_are_refused_or_of_another_shape_are_passed_over() -> None:
    def strict(inputs: Request) -> Request:
        if np.isnan(inputs["x"]).any():
            raise ValueError("Input contains NaN.")
        return {"y": inputs["x"]}

    found = measured(strict, {"x": np.full((1, 128), np.nan, "f")}, {"x": np.ones((1, 3), "f")})
    assert found.unusual.difference == 0


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (lambda inputs: {"y": inputs["x"].sum(axis=0)}, "'y' does not have one row for each row"),
        (lambda inputs: {"y": inputs["x"].sum()}, "'y' does not have one row for each row"),
        (lambda inputs: {"y": inputs["x"][:, : len(inputs["x"])]}, "the shape of 'y' depends"),
    ],
)
def test_answers_without_a_row_for_each_row_cannot_be_measured(model: Model, text: str) -> None:
    with pytest.raises(Inseparable, match=text):
        measured(model)
