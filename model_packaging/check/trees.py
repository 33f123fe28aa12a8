"""Decision trees of any library, as arrays.

A converter reads them from the trained model; `tree_probes` makes rows from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from lading.functions.inference.tensors.conversion import Array

LEAF = -1
"""The column of a node that is a leaf."""
NEAR_ZERO = float(np.float32(1e-35))
"""LightGBM treats numbers up to this distance from zero as zero."""


class NoTreeForm(ValueError):
    """A part of a model of trees cannot be converted; the text names it."""


class DamagedTree(NoTreeForm):
    """A tree leads nowhere, which ends the process of a library that follows it."""


@dataclass(frozen=True, slots=True)
class TreeArrays:
    """One tree; node 0 is the root, and each array has one element for each node.

    A numeric split sends a value left that is below its threshold, or equal to it if the tree is
    `inclusive`. A split in `categories` sends the values of its set left; its threshold has no
    meaning. A missing value (NaN) goes left where `missing_left` is true.

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
        """Return the nodes that are not leaves."""
        return np.flatnonzero(self.column != LEAF)


class Reading(IntEnum):
    """The change that a library makes to a value before it compares it."""

    AS_IS = 0
    NAN_AS_ZERO = 1
    ZERO_AS_NAN = 2
    """Zero, and numbers up to NEAR_ZERO from it, are missing, like NaN."""
    FLOOR = 3
    """A category, rounded down; negative numbers are no category. NaN is missing."""
    CATEGORY = 4
    """A category, rounded towards zero; negative numbers are no category."""


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
    """Trees whose values are added.

    Args:
        trees: at least one.
        columns: how many columns a row has.
        base: floats of shape [targets], to which the trees add.
        dtype: the type in which the library compares: float32 or float64.
    """

    trees: tuple[BoostedTree, ...]
    columns: int
    base: Array
    dtype: type[np.floating]
