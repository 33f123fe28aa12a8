"""See `model_packaging/check/tree_probes.py`."""

import math

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.tree_probes import (
    ABOVE,
    AT,
    BELOW,
    CHOSEN,
    MISSING,
    OTHER,
    UNKNOWN,
    tree_probes,
)
from lading.model_packaging.check.trees import LEAF, TreeArrays


def tree(*, inclusive: bool = False) -> TreeArrays:
    """x0 at 0.1; below it x1 at 1e9, and left of that the categories 3 and 70,000 of x2."""
    return TreeArrays(
        column=np.array([0, 1, LEAF, 2, LEAF, LEAF, LEAF]),
        threshold=np.array([0.1, 1e9, 0, 0, 0, 0, 0]),
        left=np.array([1, 3, -1, 5, -1, -1, -1]),
        right=np.array([2, 4, -1, 6, -1, -1, -1]),
        missing_left=np.array([False, True, False, False, False, False, False]),
        inclusive=inclusive,
        categories={3: frozenset({3, 70_000})},
    )


def way(row: Array, *, inclusive: bool = False) -> list[int]:
    """The nodes that a row passes."""
    grown, node = tree(inclusive=inclusive), 0
    passed = [node]
    while grown.column[node] != LEAF:
        value, threshold = float(row[grown.column[node]]), float(grown.threshold[node])
        if node in grown.categories:
            left = value in grown.categories[node]
        else:
            left = value < threshold or (inclusive and value == threshold)
        if math.isnan(value):
            left = bool(grown.missing_left[node])
        node = int((grown.left if left else grown.right)[node])
        passed.append(node)
    return passed


@pytest.mark.parametrize("inclusive", [True, False])
def test_rows_reach_every_split_on_both_sides(inclusive: bool) -> None:
    rows = np.concatenate([*tree_probes([tree(inclusive=inclusive)], 3).values()])
    assert {node for row in rows for node in way(row, inclusive=inclusive)} == set(range(7))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_column_of_a_split_holds_its_threshold_and_the_steps_beside_it(
    dtype: type[np.floating],
) -> None:
    probes = tree_probes([tree()], 3, dtype)
    at = dtype(0.1)
    for kind, value in (
        (BELOW, np.nextafter(at, dtype(0))),
        (AT, at),
        (ABOVE, np.nextafter(at, dtype(1))),
    ):
        assert probes[kind].dtype == dtype
        assert value in probes[kind][:, 0]
    assert np.isnan(probes[MISSING]).sum(axis=0).tolist() == [1, 1, 1]


def test_categories_of_each_side_and_an_unknown_one_stand_in_rows_that_come_to_the_split() -> None:
    other = tree()
    [chosen] = [*other.categories.values()]
    probes = tree_probes([other], 3)
    assert {*probes[CHOSEN][:, 2]} <= chosen
    assert OTHER not in probes  # this tree names no category that goes right
    [unknown] = probes[UNKNOWN]
    assert unknown[2] == 70_001
    assert way(unknown) == [0, 1, 3, 6]


def test_a_forest_beyond_the_bound_is_sampled_alike_at_each_call() -> None:
    trees = [tree() for _ in range(1000)]
    first, second = (tree_probes(trees, 3, most=100) for _ in range(2))
    assert 60 <= sum(map(len, first.values())) <= 100
    for kind, rows in first.items():
        np.testing.assert_array_equal(rows, second[kind])


def test_trees_without_a_split_have_no_probes() -> None:
    none = np.array([-1])
    leaf = TreeArrays(np.array([LEAF]), np.array([0.0]), none, none, none < 0, inclusive=True)
    assert tree_probes([leaf], 3) == tree_probes([], 3) == {}
