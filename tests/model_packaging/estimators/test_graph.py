import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.estimators.graph import GraphBuilder
from lading.model_packaging.onnx_graph import require_finite_weights
from lading.model_packaging.onnx_nodes import value_info


def chosen(values: list[float], places: list[int]) -> tuple[list[float], bytes]:
    """The values at the places, and the model that gives them."""
    graph = GraphBuilder()
    graph.named(graph.choose(np.array(values, np.float32), "place"), "y")
    form = value_info("place", np.int64, ("rows",)), value_info("y", np.float32, ("rows",))
    model = graph.model(form[:1], form[1:]).SerializeToString()
    return OnnxSession(model).run({"place": np.array(places)})["y"].tolist(), model


def test_nan_among_constants_is_chosen_and_is_no_weight_of_a_failed_training() -> None:
    found, model = chosen([1.0, np.nan, 3.0], [2, 1, 0])
    assert found == pytest.approx([3.0, np.nan, 1.0], nan_ok=True)
    require_finite_weights("m", model)


def test_numbers_have_the_dtype_that_the_graph_computes_with() -> None:
    for dtype in (np.float32, np.float64):
        graph = GraphBuilder(dtype)
        graph.named(graph.number(0.1), "y")
        model: onnx.ModelProto = graph.model([], [value_info("y", dtype, ())])
        (weight,) = model.graph.initializer
        assert numpy_helper.to_array(weight).dtype == dtype
