"""scikit-learn's histogram-based gradient boosting, with its categories."""

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import LEAF, BoostedTree, TreeArrays
from lading.model_packaging.estimators.calls import Classes, classify, regress, transform
from lading.model_packaging.estimators.frame import Frame, computed, matrix
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds.forests import of_raw
from lading.model_packaging.estimators.kinds.trees import walk, with_values

_BITS = 32
_INVERSES = {"IdentityLink": "", "LogLink": "Exp"}


@classify.register
def _(estimator: HistGradientBoostingClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    return of_raw(graph, _raw(estimator, graph, frame), len(estimator.classes_), least=False)


@regress.register
def _(estimator: HistGradientBoostingRegressor, graph: GraphBuilder, frame: Frame) -> str:
    raw = _raw(estimator, graph, frame)
    link = type(estimator._loss.link).__name__
    if link not in _INVERSES:
        raise NoOnnxForm(f"has the loss '{estimator.loss}', which is not supported")
    return graph.node(_INVERSES[link], raw) if _INVERSES[link] else raw


def _raw(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add the raw values, of shape [rows, trees of an iteration]."""
    if estimator._preprocessor is not None:
        frame = transform(estimator._preprocessor, graph, frame)
    members = _Members(estimator, frame.width)
    trees = [
        members.tree(predictor, target)
        for iteration in estimator._predictors
        for target, predictor in enumerate(iteration)
    ]
    rows = matrix(graph, frame)
    groups = [members.tensor(graph, rows, *group) for group in members.groups]
    rows = graph.join([rows, *groups])
    table = computed(rows, graph.dtype, (*frame.origins, *[None] * len(groups)))
    base = np.asarray(estimator._baseline_prediction).reshape(1, -1)
    sums = walk(graph, table, trees, base.shape[1])
    return graph.node("Add", sums, graph.number(base))


class _Members:
    """Trees whose splits by category use additional columns, which `groups` describe.

    Such a column is 0 where the value is in the group, 1 for another category, and NaN for missing
    and unknown values.
    """

    def __init__(self, estimator: Any, width: int) -> None:
        self.groups: list[tuple[int, Array, Array]] = []
        self._width = width
        known, places = estimator._bin_mapper.make_known_categories_bitsets()
        self._bits, self._places = known, places

    def tree(self, predictor: Any, target: int) -> BoostedTree:
        nodes = predictor.nodes
        feature = np.where(nodes["is_leaf"] == 1, LEAF, nodes["feature_idx"].astype(np.int64))
        threshold = nodes["num_threshold"].astype(np.float64)
        for node in np.flatnonzero((nodes["is_categorical"] == 1) & (nodes["is_leaf"] == 0)):
            left = _members(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
            column = int(nodes["feature_idx"][node])
            self.groups.append((column, left, _members(self._bits[self._places[column]])))
            feature[node], threshold[node] = self._width + len(self.groups) - 1, 0.5
        tree = TreeArrays(
            feature,
            threshold,
            nodes["left"],
            nodes["right"],
            nodes["missing_go_to_left"].astype(np.bool_),
            inclusive=True,
        )
        return with_values(tree, nodes["value"].reshape(-1, 1), target)

    def tensor(self, graph: GraphBuilder, rows: str, column: int, left: Array, known: Array) -> str:
        """Add a group's column, of shape [rows, 1]; categories are integers."""
        value = graph.take(rows, [column])
        codes = np.full(_BITS * 8 + 1, np.nan)
        codes[known] = 1.0
        codes[left] = 0.0
        valid = graph.node(
            "And",
            graph.node("GreaterOrEqual", value, graph.number(0)),
            graph.node("Less", value, graph.number(_BITS * 8)),
        )
        place = graph.node("Where", valid, value, graph.number(_BITS * 8))
        return graph.choose(codes.astype(graph.dtype), graph.cast(place, np.int64))


def _members(bits: Array) -> Array:
    """Return the numbers in a set of bits."""
    numbers = np.arange(len(bits) * _BITS)
    found: Array = numbers[(bits[numbers // _BITS] >> (numbers % _BITS).astype(np.uint32)) & 1 == 1]
    return found
