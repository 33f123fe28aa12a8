"""Decision trees in plain terms, whichever library grew them.

A converter reads them from the trained model's own dump; `tree_probes` makes rows from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from lading.functions.inference.tensors.conversion import Array

LEAF = -1
"""The column of a node that is a leaf."""
NEAR_ZERO = float(np.float32(1e-35))
"""What is not further from zero than this is zero to LightGBM."""


class NoTreeForm(ValueError):
    """A part of a model of trees that has no ONNX form here; the text names it."""


@dataclass(frozen=True, slots=True)
class TreeArrays:
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


class Reading(IntEnum):
    """What a library makes of a value before it compares it."""

    AS_IS = 0
    NAN_AS_ZERO = 1
    ZERO_AS_NAN = 2
    """Zero, and whatever is nearer to it than NEAR_ZERO, is missing, as NaN is."""
    FLOOR = 3
    """A category; a negative number is none. NaN is missing."""
    CATEGORY = 4
    """A category, without what stands after its decimal point; a negative number is none."""


@dataclass(frozen=True, slots=True)
class BoostedTree:
    """A tree with the values of its leaves.

    Args:
        tree: its splits.
        values: floats of shape [nodes, targets of this tree].
        target: the first target that it adds to.
        readings: how each node reads its column: a `Reading`.
    """

    tree: TreeArrays
    values: Array
    target: int
    readings: Array


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose values are added up.

    Args:
        trees: at least one.
        columns: how many columns a row has.
        base: floats of shape [targets], to which the trees add.
        dtype: in which the library compares: float32 or float64.
    """

    trees: tuple[BoostedTree, ...]
    columns: int
    base: Array
    dtype: type[np.floating]
