"""Trees, as scikit-learn walks them: the routing of NaN included, in one TreeEnsemble node.

skl2onnx leaves out where a tree sends NaN, rounds thresholds of histograms up, and does not know
their categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import TreeArrays as Splits
from lading.model_packaging.estimators.frame import Frame, computed, matrix
from lading.model_packaging.estimators.graph import ML, GraphBuilder

LEAF = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree by its nodes; the first is the root.

    Args:
        feature: the column that a node looks at; `LEAF` for a leaf.
        threshold: rows with a value up to this go left.
        left, right: the nodes that follow.
        missing_left: whether NaN goes left.
        values: what a leaf adds, of shape [nodes, targets].
        target: the first of the targets that it adds to.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    values: Array
    target: int = 0


def of_sklearn(tree: Any, values: Array, features: Array | None = None, target: int = 0) -> Tree:
    """scikit-learn's `tree_`, with these values of its nodes.

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
    return Tree(
        np.where(leaf, LEAF, feature),
        tree.threshold,
        tree.children_left,
        tree.children_right,
        tree.missing_go_to_left.astype(np.bool_),
        values.reshape(tree.node_count, -1),
        target,
    )


def rows_of(graph: GraphBuilder, frame: Frame) -> str:
    """The columns as scikit-learn's trees take them, in float32 whatever the graph computes in."""
    rows = matrix(graph, frame)
    return rows if graph.dtype == np.float32 else graph.cast(rows, np.float32)


def grow(graph: GraphBuilder, frame: Frame, trees: Sequence[Tree], targets: int) -> str:
    """The sum of what the trees' leaves add, of shape [rows, targets], in the graph's dtype."""
    rows = computed(rows_of(graph, frame), np.float32, frame.origins)
    return walk(graph, rows, trees, targets)


def walk(graph: GraphBuilder, rows: Frame, trees: Sequence[Tree], targets: int) -> str:
    """As `grow`, on a frame of one block, in whose dtype the trees compare."""
    (block,) = rows.blocks
    _note(graph, rows, trees, block.dtype)
    attributes = _attributes(trees, block.dtype)
    sums = graph.node(
        "TreeEnsembleRegressor", block.tensor, domain=ML, n_targets=targets, **attributes
    )
    return sums if graph.dtype == np.float32 else graph.cast(sums)


def _note(graph: GraphBuilder, frame: Frame, trees: Sequence[Tree], dtype: "np.dtype[Any]") -> None:
    feature = np.concatenate([tree.feature for tree in trees])
    threshold = np.concatenate([tree.threshold for tree in trees])
    for column, origin in enumerate(frame.origins):
        graph.notes.thresholds(origin, np.unique(threshold[feature == column]))
    if any(frame.origins):
        splits = [
            Splits(each.feature, each.threshold, each.left, each.right, each.missing_left, True)
            for each in trees
        ]
        graph.notes.forests.append((frame.origins, splits, dtype.type))


def _attributes(trees: Sequence[Tree], dtype: "np.dtype[Any]") -> dict[str, Any]:
    counts = [len(tree.feature) for tree in trees]
    feature = np.concatenate([tree.feature for tree in trees])
    leaf = feature == LEAF
    numbers = np.repeat(np.arange(len(trees)), counts)
    nodes = np.concatenate([np.arange(count) for count in counts])
    limits = _down(
        np.concatenate([np.where(tree.feature == LEAF, 0, tree.threshold) for tree in trees]), dtype
    )
    joined = {
        "nodes_treeids": numbers,
        "nodes_nodeids": nodes,
        "nodes_featureids": np.where(leaf, 0, feature),
        "nodes_truenodeids": _joined(trees, "left", leaf),
        "nodes_falsenodeids": _joined(trees, "right", leaf),
        "nodes_missing_value_tracks_true": _joined(trees, "missing_left", leaf),
    }
    integers = {key: array.astype(np.int64).tolist() for key, array in joined.items()}
    modes = np.where(leaf, "LEAF", "BRANCH_LEQ").tolist()
    return {
        **integers,
        "nodes_modes": modes,
        **_real("nodes_values", limits),
        **_leaves(trees, dtype),
    }


def _joined(trees: Sequence[Tree], part: str, leaf: Array) -> Array:
    joined: Array = np.concatenate([getattr(tree, part) for tree in trees])
    return np.where(leaf, 0, joined)


def _leaves(trees: Sequence[Tree], dtype: "np.dtype[Any]") -> dict[str, Any]:
    numbers: list[Array] = []
    nodes: list[Array] = []
    targets: list[Array] = []
    weights: list[Array] = []
    for number, tree in enumerate(trees):
        found = np.flatnonzero(tree.feature == LEAF)
        width = tree.values.shape[1]
        nodes.append(np.repeat(found, width))
        numbers.append(np.full(len(found) * width, number))
        targets.append(np.tile(np.arange(width) + tree.target, len(found)))
        weights.append(tree.values[found].ravel())
    joined = {"treeids": numbers, "nodeids": nodes, "ids": targets}
    integers = {
        f"target_{key}": np.concatenate(arrays).astype(np.int64).tolist()
        for key, arrays in joined.items()
    }
    return {**integers, **_real("target_weights", np.concatenate(weights).astype(dtype))}


def _real(name: str, values: Array) -> dict[str, Any]:
    """An attribute of numbers: a list of float32, or a tensor of float64."""
    if values.dtype == np.float32:
        return {name: values.tolist()}
    return {f"{name}_as_tensor": numpy_helper.from_array(values, name)}


def _down(thresholds: Array, dtype: "np.dtype[Any]") -> Array:
    """Thresholds rounded down, so that numbers of `dtype` fall on the same side of them."""
    rounded = thresholds.astype(dtype)
    above = rounded.astype(np.float64) > thresholds
    return np.where(above, np.nextafter(rounded, dtype.type(-np.inf)), rounded)
