"""Rows that reach the splits of trees, with values at, just below and just above each threshold.

Ordinary rows never hit a threshold, so they do not reveal a split with a wrong comparison. These
rows follow the path to a split and then hold, in the split's column, its threshold, the numbers one
step below and above it, a missing value, zero, or categories of both sides and an unknown one.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import TreeArrays

AT, BELOW, ABOVE = "at a split", "one step below a split", "one step above a split"
MISSING, ZERO = "a missing value at a split", "zero at a split"
CHOSEN, OTHER = "a category of a split's left side", "a category of a split's right side"
UNKNOWN, NEGATIVE = "a category that no split names", "a negative category"
FRACTION = "a fraction above a category"

_SEED = 20_011
_PROBES = 7  # of one split, at most


def tree_probes(
    trees: Sequence[TreeArrays],
    columns: int,
    dtype: type[np.floating] = np.float32,
    most: int = 2048,
) -> dict[str, Array]:
    """Return rows by kind, arrays of [rows, columns] and of `dtype`; the same at each call.

    Args:
        trees: all trees of the model.
        columns: how many columns a row has.
        dtype: the type in which the model compares; one step is a step of this type.
        most: the limit of rows, of all kinds together. If there are too many splits, some are
            chosen at random.
    """
    forest = _Forest(trees, columns, dtype)
    rows = defaultdict[str, list[Array]](list)
    for tree, node in forest.draw_splits(max(1, most // _PROBES)):
        path = _path(tree, node)
        for kind, value in forest.values(tree, node):
            row = forest.row(tree, path)
            row[tree.column[node]] = value
            rows[kind].append(row)
    return {kind: np.stack(each) for kind, each in rows.items()}


def typical_rows(
    trees: Sequence[TreeArrays],
    columns: int,
    dtype: type[np.floating] = np.float32,
    rows: int = 256,
) -> Array | None:
    """Return rows with values near the splits of their columns; None if there are no splits."""
    if not any(tree.splits().size for tree in trees):
        return None
    forest = _Forest(trees, columns, dtype)
    return np.stack([forest.row(trees[0], ()) for _ in range(rows)])


def _path(tree: TreeArrays, node: int) -> list[tuple[int, bool]]:
    """Return the splits above a node, from the root, and whether its path goes left there."""
    splits = tree.splits()
    parents = np.full(len(tree.column), -1)
    parents[tree.left[splits]] = parents[tree.right[splits]] = splits
    path = []
    while parents[node] >= 0:
        child, node = node, int(parents[node])
        path.append((node, int(tree.left[node]) == child))
    return path[::-1]


@dataclass(slots=True)
class _Allowed:
    """The values of a column that lead to a split: numbers from `low` to `high`, or categories."""

    low: float = -math.inf
    high: float = math.inf
    within: frozenset[int] | None = None
    without: set[int] = field(default_factory=set)


class _Forest:
    """The thresholds and categories of each column of the trees."""

    def __init__(self, trees: Sequence[TreeArrays], columns: int, dtype: type[np.floating]) -> None:
        self._trees, self._columns, self._dtype = trees, columns, dtype
        self._generator = np.random.default_rng(_SEED)
        self._categories = defaultdict[int, set[int]](set)
        for tree in trees:
            for node, chosen in tree.categories.items():
                self._categories[int(tree.column[node])] |= chosen
        splits = [tree.splits() for tree in trees]
        self._ends = np.cumsum([0, *map(len, splits)])[1:]
        pairs = list(zip(trees, splits, strict=True))
        split = np.concatenate([np.empty(0, int), *(tree.column[each] for tree, each in pairs)])
        order = np.argsort(split, kind="stable")
        thresholds = [np.empty(0), *(tree.threshold[each] for tree, each in pairs)]
        self._thresholds = np.concatenate(thresholds)[order]
        self._starts = np.searchsorted(split[order], np.arange(columns + 1))

    def draw_splits(self, most: int) -> Iterator[tuple[TreeArrays, int]]:
        """Yield at most this many splits, of all trees."""
        total = int(self._ends[-1]) if self._trees else 0
        for place in self._generator.choice(total, min(total, most), replace=False):
            number = int(np.searchsorted(self._ends, place, side="right"))
            splits = self._trees[number].splits()
            yield self._trees[number], int(splits[place - self._ends[number]])

    def values(self, tree: TreeArrays, node: int) -> Iterator[tuple[str, float]]:
        """Yield values for the split's column, and the kind of probe of each."""
        yield MISSING, math.nan
        if node not in tree.categories:
            at = self._dtype(tree.threshold[node])
            yield AT, float(at)
            yield BELOW, float(np.nextafter(at, self._dtype(-np.inf)))
            yield ABOVE, float(np.nextafter(at, self._dtype(np.inf)))
            yield ZERO, 0.0
            return
        known, left = self._categories[int(tree.column[node])], tree.categories[node]
        for kind, choice in ((CHOSEN, left), (OTHER, known - left)):
            if choice:
                yield kind, self._pick(sorted(choice))
        yield UNKNOWN, max(known, default=0) + 1
        yield FRACTION, self._pick(sorted(known or {0})) + 0.5
        yield NEGATIVE, -1
        yield NEGATIVE, -0.5

    def row(self, tree: TreeArrays, path: Sequence[tuple[int, bool]]) -> Array:
        """Return a row that follows this path, if possible, with typical values elsewhere."""
        allowed = defaultdict[int, _Allowed](_Allowed)
        for node, left in path:
            self._narrow(allowed[int(tree.column[node])], tree, node, left=left)
        row = np.array([self._typical(column) for column in range(self._columns)], self._dtype)
        for column, each in allowed.items():
            row[column] = self._inside(column, each, float(row[column]))
        return row

    def _narrow(self, allowed: _Allowed, tree: TreeArrays, node: int, *, left: bool) -> None:
        if node not in tree.categories:
            below, above = self._sides(float(tree.threshold[node]), inclusive=tree.inclusive)
            if left:
                allowed.high = min(allowed.high, below)
            else:
                allowed.low = max(allowed.low, above)
        elif left:
            chosen = tree.categories[node]
            allowed.within = chosen if allowed.within is None else allowed.within & chosen
        else:
            allowed.without |= tree.categories[node]

    def _sides(self, threshold: float, *, inclusive: bool) -> tuple[float, float]:
        """Return the greatest value that goes left, and the least that goes right."""
        at = self._dtype(threshold)
        if float(at) < threshold or (inclusive and float(at) == threshold):
            return float(at), float(np.nextafter(at, self._dtype(np.inf)))
        return float(np.nextafter(at, self._dtype(-np.inf))), float(at)

    def _inside(self, column: int, allowed: _Allowed, typical: float) -> float:
        if allowed.within is not None or allowed.without:
            known = self._categories[column]
            choice = sorted((known if allowed.within is None else allowed.within) - allowed.without)
            return self._pick(choice) if choice else max(known) + 1
        if allowed.low > allowed.high:
            return math.nan  # only a missing value reaches the split
        return min(max(typical, allowed.low), allowed.high)

    def _typical(self, column: int) -> float:
        if column in self._categories:
            return self._pick(sorted(self._categories[column]))
        start, end = self._starts[column : column + 2]
        if start == end:
            return float(self._generator.normal())
        at = float(self._pick(self._thresholds[start:end]))
        return at + abs(at) * float(self._generator.normal(scale=0.1))

    def _pick(self, choice: Sequence[float] | Array) -> float:
        return float(choice[int(self._generator.integers(len(choice)))])
