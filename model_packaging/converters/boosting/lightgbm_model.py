"""LightGBM models, read from the text that LightGBM itself writes of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.tree_depth import require_loadable
from lading.model_packaging.check.trees import (
    LEAF,
    NEAR_ZERO,
    BoostedTree,
    Forest,
    NoTreeForm,
    Reading,
    TreeArrays,
)
from lading.model_packaging.converters.boosting.conversion import (
    Answers,
    Booster,
    Transform,
    exponential,
    identity,
    sigmoid,
    signed_square,
    softmax,
    softplus,
)
from lading.model_packaging.converters.boosting.tree_graph import add_trees
from lading.model_packaging.onnx_nodes import Nodes

_CATEGORIC, _DEFAULT_LEFT = 1, 2  # bits of a decision_type; the two above tell what is missing
_NUMERIC_READINGS = np.array([Reading.NAN_AS_ZERO, Reading.ZERO_AS_NAN, Reading.AS_IS])

_TRANSFORMS: Mapping[str, Transform] = {
    "binary": sigmoid(),
    "cross_entropy": sigmoid(),
    "cross_entropy_lambda": softplus,
    "fair": identity,
    "gamma": exponential,
    "huber": identity,
    "lambdarank": identity,
    "mape": identity,
    "multiclass": softmax,
    "multiclassova": sigmoid(),
    "poisson": exponential,
    "quantile": identity,
    "rank_xendcg": identity,
    "regression": identity,
    "regression_l1": identity,
    "tweedie": exponential,
}
_ANSWERS: Mapping[str, Answers] = {
    "binary": "two classes",
    "multiclass": "classes",
    "multiclassova": "classes",
}


def read_lightgbm(model: Any) -> Booster:
    """What ONNX needs to know of a `lightgbm.Booster`, up to its best iteration.

    Raises:
        NoTreeForm: it has an objective or trees that are not known here.
    """
    head, *parts = model.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    facts, trees = _facts(head), [_facts(part) for part in parts]
    if not trees:
        raise NoTreeForm("it has no trees; train it for a round at least")
    objective, *options = facts.get("objective", "none").split(" ")
    targets, columns = int(facts["num_tree_per_iteration"]), int(facts["max_feature_idx"]) + 1
    rounds = max(1, len(trees) // targets)
    share = 1 / rounds if "average_output" in facts else 1.0
    forest = Forest(
        tuple(_tree(each, number % targets, share) for number, each in enumerate(trees)),
        columns,
        np.zeros(targets),
        np.float64,
    )
    require_loadable((each.tree for each in forest.trees), columns)

    def margins(nodes: Nodes, rows: str) -> str:
        return add_trees(nodes, rows, forest)

    return Booster(
        margins,
        _transform(objective, options),
        _ANSWERS.get(objective, "numbers"),
        columns,
        targets,
        np.float64,
        tuple(each.tree for each in forest.trees),
        named=bool(model.pandas_categorical),
    )


def _facts(lines: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines.splitlines())
    return {key: value for key, _, value in pairs}


def _transform(objective: str, options: list[str]) -> Transform:
    known = dict(option.partition(":")[::2] for option in options)
    if objective == "none":  # of one's own: the answers are the sums
        return identity
    if objective not in _TRANSFORMS:
        raise NoTreeForm(f"the objective {objective} is not supported")
    if "sigmoid" in known:
        return sigmoid(float(known["sigmoid"]))
    return signed_square if "sqrt" in known else _TRANSFORMS[objective]


def _tree(facts: dict[str, str], target: int, share: float) -> BoostedTree:
    if facts.get("is_linear", "0") != "0":
        raise NoTreeForm("linear_tree is not supported; train with linear_tree=false")
    leaves = _numbers(facts, "leaf_value", float)
    splits = len(leaves) - 1
    ends = np.full(len(leaves), LEAF)

    def each(key: str, kind: type[int | float], *, after: Array = ends) -> Array:
        """A value for each node: the splits come first, then the leaves."""
        return np.concatenate([_numbers(facts, key, kind)[:splits], after])

    decision = each("decision_type", int, after=np.zeros_like(ends))
    categoric = (decision & _CATEGORIC) > 0
    readings = np.where(categoric, Reading.CATEGORY, _NUMERIC_READINGS[decision >> 2 & 3])
    tree = TreeArrays(
        column=each("split_feature", int),
        threshold=_around_zero(each("threshold", float)),
        left=_children(each("left_child", int), splits),
        right=_children(each("right_child", int), splits),
        missing_left=~categoric & ((decision & _DEFAULT_LEFT) > 0),
        inclusive=True,
        categories=_categories(facts, np.flatnonzero(categoric)),
    )
    values = np.concatenate([np.zeros(splits), leaves * share])
    return BoostedTree(tree, values[:, None], target, readings)


def _numbers(facts: dict[str, str], key: str, kind: type[int | float]) -> Array:
    return np.array([kind(text) for text in facts.get(key, "").split()], kind)


def _around_zero(thresholds: Array) -> Array:
    """Thresholds that send whatever is nearer to zero than NEAR_ZERO where zero goes.

    LightGBM takes such numbers for zero before it compares them.
    """
    near = np.where(thresholds < 0, np.nextafter(-NEAR_ZERO, -1), NEAR_ZERO)
    return np.where(np.abs(thresholds) <= NEAR_ZERO, near, thresholds)


def _children(numbers: Array, splits: int) -> Array:
    """Nodes of children: leaf n is written as -n - 1. Leaves have none."""
    nodes = np.where(numbers < 0, splits - numbers - 1, numbers)
    nodes[splits:] = LEAF
    return nodes


def _categories(facts: dict[str, str], nodes: Array) -> dict[int, frozenset[int]]:
    """Sets of bits: that of node n begins at the boundary that its threshold names."""
    if not nodes.size:
        return {}
    bounds, words = _numbers(facts, "cat_boundaries", int), _numbers(facts, "cat_threshold", int)
    places = _numbers(facts, "threshold", float).astype(int)
    used = places[nodes]
    if used.min() < 0 or used.max() + 1 >= len(bounds) or bounds.max() > len(words):
        raise NoTreeForm("a tree is damaged: it splits by categories that are not there")
    return {
        int(node): _bits(words[bounds[place] : bounds[place + 1]])
        for node, place in zip(nodes, used, strict=True)
    }


def _bits(words: Array) -> frozenset[int]:
    """The numbers of the bits that are set; words without one may be many, and are passed over."""
    places = np.flatnonzero(words)
    bits = np.unpackbits(words[places].astype("<u4").view(np.uint8), bitorder="little")
    word, bit = np.nonzero(bits.reshape(-1, 32))
    return frozenset((places[word] * 32 + bit).tolist())


def read_estimator(estimator: Any) -> Booster:
    """What ONNX needs to know of a fitted LGBMClassifier, LGBMRegressor or LGBMRanker.

    Raises:
        NoTreeForm: see `read_lightgbm`; or it is a classifier whose answers are no probabilities.
    """
    booster = read_lightgbm(estimator.booster_)
    if hasattr(estimator, "predict_proba"):
        if booster.answers == "numbers":
            raise NoTreeForm(f"a classifier with the objective {estimator.objective_}")
        return booster
    return replace(booster, answers="numbers")
