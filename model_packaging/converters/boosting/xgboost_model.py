"""XGBoost models, read from the JSON that XGBoost itself writes of them.

See https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.tree_depth import require_loadable
from lading.model_packaging.check.trees import (
    LEAF,
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
    softmax,
    step,
)
from lading.model_packaging.converters.boosting.tree_graph import add_trees
from lading.model_packaging.onnx_nodes import Nodes

_TRANSFORMS: Mapping[str, Transform] = {
    "binary:hinge": step,
    "binary:logistic": sigmoid(),
    "binary:logitraw": identity,
    "count:poisson": exponential,
    "multi:softmax": softmax,
    "multi:softprob": softmax,
    "rank:map": identity,
    "rank:ndcg": identity,
    "rank:pairwise": identity,
    "reg:absoluteerror": identity,
    "reg:expectileerror": identity,
    "reg:gamma": exponential,
    "reg:linear": identity,
    "reg:logistic": sigmoid(),
    "reg:pseudohubererror": identity,
    "reg:quantileerror": identity,
    "reg:squarederror": identity,
    "reg:squaredlogerror": identity,
    "reg:tweedie": exponential,
    "survival:aft": exponential,
    "survival:cox": exponential,
}
_CATEGORIES = 1  # a split_type


def used_trees(estimator: Any) -> Any:
    """The booster of a fitted estimator, with the trees that its `predict` uses."""
    booster = estimator.get_booster()
    best = booster.attr("best_iteration")
    return booster if best is None or estimator.booster == "gblinear" else booster[: int(best) + 1]


def read_estimator(estimator: Any) -> Booster:
    """What ONNX needs to know of a fitted XGBClassifier, XGBRegressor or XGBRanker.

    Raises:
        NoTreeForm: see `read_xgboost`.
    """
    missing = np.nan if estimator.missing is None else estimator.missing
    classifies = hasattr(estimator, "predict_proba")
    read = read_xgboost(used_trees(estimator), classifies=classifies, missing=missing)
    # It predicts in place, which takes infinite values; a linear booster has no such way.
    return replace(read, infinite=estimator.booster != "gblinear")


def read_xgboost(model: Any, *, classifies: bool | None = None, missing: float = np.nan) -> Booster:
    """What ONNX needs to know of an `xgboost.Booster`, all of whose trees are used.

    Args:
        model: the booster.
        classifies: whether the answers are classes; None leaves that to the objective.
        missing: the number that stands for a missing value, beside NaN.

    Raises:
        NoTreeForm: it has an objective or a booster that is not known here.
    """
    learner = json.loads(model.save_raw("json"))["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]
    if objective not in _TRANSFORMS:
        raise NoTreeForm(f"the objective {objective} is not supported")
    parameters = learner["learner_model_param"]
    columns, several = int(parameters["num_feature"]), int(parameters.get("num_target", 1))
    targets = max(1, int(parameters["num_class"]), several)
    trees, margins = _sums(model, booster, columns, targets)
    return Booster(
        _without(missing, margins),
        _TRANSFORMS[objective],
        _answers(objective, several, classifies),
        columns,
        targets,
        np.float32,
        tuple(each.tree for each in trees),
        infinite=False,
        missing=missing,
        named=bool(_model(booster).get("cats", {}).get("enc")),
    )


def _sums(
    model: Any, booster: dict[str, Any], columns: int, targets: int
) -> tuple[tuple[BoostedTree, ...], Transform]:
    """The trees, if it has some, and what makes the sums."""
    if booster["name"] in ("gbtree", "dart"):
        trees = _trees(booster)
        require_loadable((each.tree for each in trees), columns)
        return trees, _added(Forest(trees, columns, _base(model[:1], columns), np.float32))
    if booster["name"] == "gblinear":
        weights = np.array(booster["model"]["weights"], np.float32)
        return (), _linear(weights.reshape(columns + 1, targets), _base(model, columns))
    raise NoTreeForm(f"the booster {booster['name']} is not supported")


def _answers(objective: str, targets: int, classifies: bool | None) -> Answers:
    if classifies is None:
        classifies = objective in ("binary:logistic", "binary:hinge") or "multi:" in objective
    if not classifies:
        return "numbers"
    if objective.startswith("multi:"):
        return "classes"
    return "labels" if targets > 1 else "two classes"


def _base(model: Any, columns: int) -> Array:
    """The sums to which the trees add, by XGBoost itself: a model with leaves of zero.

    What the file calls base_score is in terms of the answers, and its meaning changed over time.
    """
    import xgboost

    document = json.loads(model.save_raw("json"))
    booster = document["learner"]["gradient_booster"]
    if booster["name"] == "gblinear":
        booster["model"]["weights"] = [0.0] * len(booster["model"]["weights"])
    for tree in _model(booster).get("trees", ()):
        leaves = np.array(tree["left_children"]) == LEAF
        tree["split_conditions"] = np.where(leaves, 0, tree["split_conditions"]).tolist()
        for weights in {"base_weights", "leaf_weights"} & tree.keys():
            tree[weights] = [0.0] * len(tree[weights])
    twin = xgboost.Booster(model_file=bytearray(json.dumps(document).encode()))
    twin.feature_names = None
    row = xgboost.DMatrix(np.zeros((1, columns), np.float32))
    margins: Array = twin.predict(row, output_margin=True).reshape(-1)
    return margins


def _added(forest: Forest) -> Transform:
    def margins(nodes: Nodes, rows: str) -> str:
        return add_trees(nodes, rows, forest)

    return margins


def _linear(weights: Array, base: Array) -> Transform:
    """A linear model: the last row of the weights is its bias, and a missing value adds nothing."""

    def margins(nodes: Nodes, rows: str) -> str:
        zero = nodes.constant(np.float32(0))
        known = nodes.node("Where", nodes.node("IsNaN", rows), zero, rows)
        products = nodes.node("MatMul", known, nodes.constant(weights[:-1]))
        return nodes.node("Add", products, nodes.constant(weights[-1] + base))

    return margins


def _without(missing: float, margins: Transform) -> Transform:
    """The sums of rows in which a number stands for missing values."""
    if np.isnan(missing):
        return margins

    def read(nodes: Nodes, rows: str) -> str:
        found = nodes.node("Equal", rows, nodes.constant(np.float32(missing)))
        return margins(nodes, nodes.node("Where", found, nodes.constant(np.float32(np.nan)), rows))

    return read


def _model(booster: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = booster.get("gbtree", booster)["model"]  # dart holds a gbtree
    return model


def _trees(booster: dict[str, Any]) -> tuple[BoostedTree, ...]:
    model = _model(booster)
    weights = booster.get("weight_drop") or [1.0] * len(model["trees"])
    if not model["trees"]:
        raise NoTreeForm("it has no trees; train it for a round at least")
    each = zip(model["trees"], model["tree_info"], weights, strict=True)
    return tuple(_tree(*tree) for tree in each)


def _tree(dump: dict[str, Any], group: int, weight: float) -> BoostedTree:
    left, right = np.array(dump["left_children"]), np.array(dump["right_children"])
    conditions = np.array(dump["split_conditions"], np.float32)
    leaves = left == LEAF
    column = np.where(leaves, LEAF, dump["split_indices"])
    categoric = np.array(dump["split_type"]) == _CATEGORIES
    default_left = np.array(dump["default_left"], bool)
    # Categories that are listed go right; here they go left, so that both sides change places.
    tree = TreeArrays(
        column=column,
        threshold=conditions,
        left=np.where(categoric, right, left),
        right=np.where(categoric, left, right),
        missing_left=default_left ^ categoric,
        inclusive=False,
        categories=_categories(dump),
    )
    readings = np.where(categoric, Reading.FLOOR, Reading.AS_IS)
    width = int(dump["tree_param"]["size_leaf_vector"])
    if width <= 1:
        return BoostedTree(tree, conditions[:, None] * np.float32(weight), group, readings)
    values = _vectors(dump, leaves, right, width)
    return BoostedTree(tree, values * np.float32(weight), 0, readings)


def _vectors(dump: dict[str, Any], leaves: Array, right: Array, width: int) -> Array:
    """The leaves of a tree of several targets: a leaf's right child is the place of its vector."""
    values = np.zeros((len(leaves), width), np.float32)
    if "leaf_weights" in dump:
        vectors = np.array(dump["leaf_weights"], np.float32).reshape(-1, width)
        values[leaves] = vectors[right[leaves]]
    else:
        values[leaves] = np.array(dump["base_weights"], np.float32).reshape(-1, width)[leaves]
    return values


def _categories(dump: dict[str, Any]) -> dict[int, frozenset[int]]:
    numbers = dump["categories"]
    parts = zip(
        dump["categories_nodes"],
        dump["categories_segments"],
        dump["categories_sizes"],
        strict=True,
    )
    return {node: frozenset(numbers[start : start + size]) for node, start, size in parts}
