"""Decision trees in plain terms, whichever library grew them.

A converter reads them from the trained model's own dump; `tree_probes` makes rows from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from functions.inference.tensors import Array

LEAF = -1
"""The column of a node that is a leaf."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree; node 0 is the root, and each array has one element for each node.

    A numeric split sends a value left that is below its threshold, or equal to it if the tree is
    `inclusive`. A split in `categories` sends the values left that its set holds; its threshold
    says nothing. A missing value (NaN) goes left where `missing_left` is true.

    Args:
        column: integers: the column that a node splits, LEAF for a leaf.
        threshold: floats: the threshold of a numeric split.
        left: integers: the left child's node.
        right: integers: the right child's node.
        missing_left: booleans: whether a missing value goes left.
        inclusive: whether a value equal to the threshold goes left.
        categories: the categories that go left, by node.
    """

    column: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    inclusive: bool
    categories: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def splits(self) -> Array:
        """The nodes that are not leaves."""
        return np.flatnonzero(self.column != LEAF)
