"""How deep trees are once they are a graph.

onnxruntime builds a tree by calling itself for each node on the way down, so that a very deep one
ends the process that loads it.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from functions.inference.tensors import Array
from model_packaging.trees import LEAF, Tree, Unsupported

DEEPEST = 4000
"""Half of what a stack of 8 MB, Linux's and Python's own, was seen to hold."""


def require_shallow(trees: Iterable[Tree]) -> None:
    """Refuse trees that could not be loaded.

    Raises:
        Unsupported: says what is wrong with one of them.
    """
    for tree in trees:
        if _depth(tree) > DEEPEST:
            raise Unsupported(
                f"a tree is more than {DEEPEST} comparisons deep, each run of categories counted; "
                "train it with fewer leaves or a lower max_cat_threshold"
            )


def _depth(tree: Tree) -> int:
    links = np.ones(len(tree.column), int)
    for node, chosen in tree.categories.items():
        links[node] = 2 * sum(1 for _ in runs(sorted(chosen)))
    nodes, depth = np.zeros(1, int), links[:1]
    seen = deepest = 0
    while nodes.size and deepest <= DEEPEST:
        seen, deepest = seen + nodes.size, int(depth.max())
        if seen > len(links):
            raise Unsupported("a tree is damaged: its splits lead back to themselves")
        nodes, depth = _below(tree, nodes, depth)
        depth = depth + links[nodes]
    return deepest


def _below(tree: Tree, nodes: Array, depth: Array) -> tuple[Array, Array]:
    """The children of those nodes that have some, and the depths of their parents."""
    inner = tree.column[nodes] != LEAF
    parents = nodes[inner]
    children = np.concatenate([tree.left[parents], tree.right[parents]])
    return children, np.tile(depth[inner], 2)


def runs(ordered: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    start = previous = ordered[0] if ordered else 0
    for number in ordered[1:]:
        if number != previous + 1:
            yield start, previous
            start = number
        previous = number
    if ordered:
        yield start, previous
