"""See `model_packaging/check/tree_depth.py`."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.check.tree_depth import DEEPEST, require_loadable
from lading.model_packaging.check.trees import (
    LEAF,
    BoostedTree,
    DamagedTree,
    Forest,
    NoTreeForm,
    Reading,
    TreeArrays,
)
from lading.model_packaging.converters.boosting.tree_graph import add_trees
from lading.model_packaging.onnx_nodes import Nodes


def set_of(count: int) -> TreeArrays:
    """A split by so many categories, no two of which follow each other."""
    none = np.array([LEAF, LEAF])
    return TreeArrays(
        column=np.array([0, *none]),
        threshold=np.zeros(3),
        left=np.array([1, *none]),
        right=np.array([2, *none]),
        missing_left=np.array([True, False, False]),
        inclusive=True,
        categories={0: frozenset(range(0, 2 * count, 2))},
    )


def test_the_deepest_tree_that_is_taken_can_be_loaded_and_answers_right() -> None:
    tree = set_of(DEEPEST // 2 - 1)
    require_loadable([tree], 1)
    readings, values = np.full(3, Reading.CATEGORY), np.array([[0.0], [1.0], [2.0]])
    nodes = Nodes()
    forest = Forest((BoostedTree(tree, values, 0, readings),), 1, np.zeros(1), np.float64)
    output = add_trees(nodes, "X", forest)
    model = nodes.model(
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["rows", 1])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", 1])],
    )
    rows = np.array([[0], [1], [2], [2.5], [DEEPEST - 4], [DEEPEST - 3], [DEEPEST], [-1], [np.nan]])
    answers = OnnxSession(model.SerializeToString()).run({"X": rows})[output]
    assert answers.ravel().tolist() == [1, 2, 1, 1, 1, 2, 2, 2, 1]


def test_a_deeper_one_is_refused_before_it_ends_the_process() -> None:
    with pytest.raises(NoTreeForm, match=f"more than {DEEPEST} comparisons deep"):
        require_loadable([set_of(5), set_of(DEEPEST)], 1)


@pytest.mark.parametrize(
    ("left", "column", "reason"),
    [
        (1, 0, "lead back to themselves"),
        (3, 0, "nodes that do not exist"),
        (-2, 0, "nodes that do not exist"),
        (2, 1, "rows have only 1 columns"),
    ],
)
def test_damaged_trees_are_refused(left: int, column: int, reason: str) -> None:
    tree = TreeArrays(
        column=np.array([0, column, LEAF]),
        threshold=np.zeros(3),
        left=np.array([2, left, LEAF]),
        right=np.array([1, 2, LEAF]),
        missing_left=np.zeros(3, bool),
        inclusive=True,
    )
    with pytest.raises(NoTreeForm, match=reason):
        require_loadable([tree], 1)


def chain(last: int) -> TreeArrays:
    """A chain of splits that is too deep for ONNX; its last split leads to node `last`."""
    splits = DEEPEST + 5
    inner, leaves = np.arange(splits), np.full(splits + 1, LEAF)
    left = np.append(inner[1:], last)
    return TreeArrays(
        column=np.concatenate([np.zeros(splits, int), leaves]),
        threshold=np.zeros(2 * splits + 1),
        left=np.concatenate([left, leaves]),
        right=np.concatenate([inner + splits, leaves]),
        missing_left=np.zeros(2 * splits + 1, bool),
        inclusive=True,
    )


@pytest.mark.parametrize(
    "trees",
    [[chain(last=1)], [chain(last=2 * (DEEPEST + 5)), chain(last=9_999_999)]],
    ids=["one that leads back", "one after a deep one"],
)
def test_damage_is_found_beyond_the_depth_that_onnx_takes(trees: list[TreeArrays]) -> None:
    """A runtime of its own may serve deep trees, and would never leave these."""
    with pytest.raises(DamagedTree):
        require_loadable(trees, 1)
