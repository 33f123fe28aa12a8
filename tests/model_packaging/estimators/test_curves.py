import numpy as np
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.curves import straight
from lading.model_packaging.estimators.graph import GraphBuilder
from lading.model_packaging.onnx_nodes import value_info


def drawn(points: Array, heights: Array, values: Array) -> Array:
    """What the graph of a curve gives at these values."""
    graph = GraphBuilder(np.float64)
    graph.named(straight(graph, "x", points, heights), "y")
    form = [value_info(name, np.float64, ("rows", 1)) for name in "xy"]
    session = OnnxSession(graph.model(form[:1], form[1:]).SerializeToString())
    return session.run({"x": values.reshape(-1, 1)})["y"].ravel()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_curve_goes_as_numpy_draws_it_and_stays_level_beyond_its_ends(count: int) -> None:
    points = np.linspace(-1, 2, count)
    heights = np.sin(points)
    values = np.array([-1e9, -1, -0.3, 0, 1.9, 2, 2.1, 1e9])
    np.testing.assert_allclose(drawn(points, heights, values), np.interp(values, points, heights))


def test_of_several_points_at_one_place_the_last_one_counts() -> None:
    points, heights = np.array([0.0, 1, 1, 2]), np.array([0.0, 1, 5, 6])
    assert drawn(points, heights, np.array([0.5, 1.0, 1.5])).tolist() == [0.5, 5.0, 5.5]
