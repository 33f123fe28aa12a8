"""Refuses trees that would end the process that loads them or predicts with them.

onnxruntime builds trees recursively, so a tree must not be too deep. XGBoost and LightGBM do not
check that the nodes and columns in a damaged file exist.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import LEAF, DamagedTree, NoTreeForm, TreeArrays

DEEPEST = 2000
"""A stack of 2 MB, the smallest of a thread on Linux, held 2,500 in a test, and not 3,000."""


def require_loadable(trees: Iterable[TreeArrays], columns: int) -> None:
    """Refuse trees that cannot be loaded, or cannot predict rows of this many columns.

    Raises:
        NoTreeForm: one is too deep.
        DamagedTree: one leads to nodes or columns that do not exist.
    """
    depths = [_checked_depth(tree, columns) for tree in trees]  # all: damage is worse than depth
    if max(depths, default=0) > DEEPEST:
        raise NoTreeForm(
            f"a tree is more than {DEEPEST} comparisons deep, counting runs of categories; "
            "train it with fewer leaves or a lower max_cat_threshold"
        )


def _checked_depth(tree: TreeArrays, columns: int) -> int:
    _require_places(tree, columns)
    return _depth(tree)


def _require_places(tree: TreeArrays, columns: int) -> None:
    splits = tree.splits()
    children = np.concatenate([tree.left[splits], tree.right[splits]])
    if ((children < 1) | (children >= len(tree.column))).any():
        raise DamagedTree("a tree is damaged: it leads to nodes that do not exist")
    if (tree.column >= columns).any() or (tree.column < LEAF).any():
        raise DamagedTree(
            f"a tree is damaged: it splits a column, and rows have only {columns} columns"
        )


def _depth(tree: TreeArrays) -> int:
    links = np.ones(len(tree.column), int)
    for node, chosen in tree.categories.items():
        links[node] = 2 * sum(1 for _ in runs(sorted(chosen)))
    nodes, depth = np.zeros(1, int), links[:1]
    seen = deepest = 0
    while nodes.size:
        seen, deepest = seen + nodes.size, int(depth.max())
        if seen > len(links):
            raise DamagedTree("a tree is damaged: its splits lead back to themselves")
        nodes, depth = _below(tree, nodes, depth)
        depth = depth + links[nodes]
    return deepest


def _below(tree: TreeArrays, nodes: Array, depth: Array) -> tuple[Array, Array]:
    """Return the children of those nodes that have any, and the depths of their parents."""
    inner = tree.column[nodes] != LEAF
    parents = nodes[inner]
    children = np.concatenate([tree.left[parents], tree.right[parents]])
    return children, np.tile(depth[inner], 2)


def runs(ordered: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of consecutive numbers."""
    start = previous = ordered[0] if ordered else 0
    for number in ordered[1:]:
        if number != previous + 1:
            yield start, previous
            start = number
        previous = number
    if ordered:
        yield start, previous
