"""scikit-learn's trees, NaN included, as one TreeEnsembleRegressor.

skl2onnx omits where a tree sends NaN, rounds thresholds of histograms up, and does not know their
categories.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import LEAF, BoostedTree, Forest, Reading, TreeArrays
from lading.model_packaging.converters.boosting.tree_graph import add_trees
from lading.model_packaging.estimators.frame import Frame, computed, matrix, rounded
from lading.model_packaging.estimators.graph import GraphBuilder


def of_sklearn(
    tree: Any, values: Array, features: Array | None = None, target: int = 0
) -> BoostedTree:
    """Return scikit-learn's `tree_` with these values of its nodes.

    Args:
        tree: a fitted estimator's `tree_`.
        values: of shape [nodes, targets].
        features: the columns that the tree was grown on, where those are not all.
        target: the first of the targets that it adds to.
    """
    leaf = tree.children_left == LEAF
    feature = (
        tree.feature if features is None else np.asarray(features)[np.maximum(tree.feature, 0)]
    )
    splits = TreeArrays(
        np.where(leaf, LEAF, feature),
        tree.threshold,
        tree.children_left,
        tree.children_right,
        tree.missing_go_to_left.astype(np.bool_),
        inclusive=True,
    )
    return with_values(splits, values.reshape(tree.node_count, -1), target)


def with_values(tree: TreeArrays, values: Array, target: int) -> BoostedTree:
    """Return a tree that reads its columns unchanged, with these values of its nodes."""
    return BoostedTree(tree, values, target, np.full(len(tree.column), Reading.AS_IS))


def grow(graph: GraphBuilder, frame: Frame, trees: Sequence[BoostedTree], targets: int) -> str:
    """Return the sum of what the trees' leaves add: [rows, targets], in the graph's dtype.

    scikit-learn's trees compare in float32, also in a graph of float64.
    """
    rows = matrix(graph, frame)
    if graph.dtype != np.float32:
        rows = graph.cast(rows, np.float32)
    return walk(graph, computed(rows, np.float32, frame.origins), trees, targets)


def walk(graph: GraphBuilder, rows: Frame, trees: Sequence[BoostedTree], targets: int) -> str:
    """Do the same for a frame of one block, in whose dtype the trees compare."""
    (block,) = rows.blocks
    _note(graph, rows, [each.tree for each in trees], block.dtype)
    exact = tuple(replace(each, tree=_in_dtype(each.tree, block.dtype)) for each in trees)
    forest = Forest(exact, rows.width, np.zeros(targets), block.dtype.type)
    sums = add_trees(graph, block.tensor, forest)
    return sums if graph.dtype == np.float32 else graph.cast(sums)


def _in_dtype(tree: TreeArrays, dtype: "np.dtype[Any]") -> TreeArrays:
    return replace(tree, threshold=rounded(tree.threshold, dtype, -np.inf))


def _note(
    graph: GraphBuilder, frame: Frame, trees: list[TreeArrays], dtype: "np.dtype[Any]"
) -> None:
    column = np.concatenate([tree.column for tree in trees])
    threshold = np.concatenate([tree.threshold for tree in trees])
    for place, origin in enumerate(frame.origins):
        graph.notes.thresholds(origin, np.unique(threshold[column == place]))
    if any(frame.origins):
        graph.notes.forests.append((frame.origins, trees, dtype.type))
