"""See `model_packaging/converters/boosting/tree_graph.py`."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import (
    LEAF,
    NEAR_ZERO,
    BoostedTree,
    Forest,
    Reading,
    TreeArrays,
)
from lading.model_packaging.converters.boosting.tree_graph import add_trees
from lading.model_packaging.onnx_nodes import Nodes

NONE = np.array([LEAF, LEAF])
LEFT, RIGHT = 1.0, 2.0


def split(
    reading: Reading, *, chosen: frozenset[int] | None = None, inclusive: bool, missing_left: bool
) -> BoostedTree:
    """A tree with one split, at 0.5 or by categories."""
    tree = TreeArrays(
        column=np.array([0, *NONE]),
        threshold=np.array([0.5, 0, 0]),
        left=np.array([1, *NONE]),
        right=np.array([2, *NONE]),
        missing_left=np.array([missing_left, False, False]),
        inclusive=inclusive,
        categories={} if chosen is None else {0: chosen},
    )
    values = np.array([[0], [LEFT], [RIGHT]])
    return BoostedTree(tree, values, 0, np.full(3, reading))


def answers(*trees: BoostedTree, rows: list[float], dtype: Any = np.float64) -> list[float]:
    """What the trees add up to for each row of one column."""
    nodes = Nodes()
    output = add_trees(nodes, "X", Forest(trees, 1, np.zeros(1), dtype))
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    model = nodes.model(
        [helper.make_tensor_value_info("X", kind, ["rows", 1])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", 1])],
    )
    table: Array = np.array(rows, dtype)[:, None]
    return OnnxSession(model.SerializeToString()).run({"X": table})[output].ravel().tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("missing_left", [True, False])
@pytest.mark.parametrize(
    "chosen", [{0}, {1}, {0, 1, 2}, {1, 3, 4, 9}, {70_000}, {2, 16_777_000}, set()]
)
def test_a_split_by_categories_sends_its_set_left(
    dtype: Any, inclusive: bool, missing_left: bool, chosen: set[int]
) -> None:
    tree = split(
        Reading.CATEGORY, chosen=frozenset(chosen), inclusive=inclusive, missing_left=missing_left
    )
    numbers = sorted({*range(-1, 12), *(each + by for each in chosen for by in (-1, 0, 1))})
    wanted = [LEFT if number in chosen else RIGHT for number in numbers]
    missing = LEFT if missing_left else RIGHT
    rows = [*map(float, numbers), float("nan")]
    assert answers(tree, rows=rows, dtype=dtype) == [*wanted, missing]


@pytest.mark.parametrize(
    ("reading", "wanted"),
    [
        # of 0, a number that is nearly 0, -1, 1 and NaN, where a missing value goes right
        (Reading.AS_IS, [LEFT, LEFT, LEFT, RIGHT, RIGHT]),
        (Reading.NAN_AS_ZERO, [LEFT, LEFT, LEFT, RIGHT, LEFT]),
        (Reading.ZERO_AS_NAN, [RIGHT, RIGHT, LEFT, RIGHT, RIGHT]),
    ],
)
def test_each_split_reads_its_column_in_its_own_way(reading: Reading, wanted: list[float]) -> None:
    tree = split(reading, inclusive=True, missing_left=False)
    rows = [0.0, NEAR_ZERO, -1.0, 1.0, float("nan")]
    assert answers(tree, rows=rows) == wanted
    other = split(Reading.AS_IS, inclusive=True, missing_left=True)
    both = [each + (RIGHT if row == 1 else LEFT) for each, row in zip(wanted, rows, strict=True)]
    assert answers(tree, other, rows=rows) == both


def test_fractions_of_categories_are_cut_off_as_each_library_does() -> None:
    rows = [2.9, 3.5, -0.5]
    for reading, wanted in (
        (Reading.FLOOR, [LEFT, RIGHT, RIGHT]),  # below zero there is no category
        (Reading.CATEGORY, [LEFT, RIGHT, LEFT]),  # -0.5 is category 0
    ):
        tree = split(reading, chosen=frozenset({0, 2}), inclusive=True, missing_left=False)
        assert answers(tree, rows=rows) == wanted
