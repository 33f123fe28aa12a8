"""XGBoost models, from what `save_model` writes: .json or .ubj.

A file of XGBClassifier, XGBRegressor or XGBRanker is loaded by such an estimator and answers as it
does: with the trees up to the best iteration, if training was stopped early. The file of a plain
Booster may record a best iteration, but not which trees its owner uses: the manifest states it.

Classes are numbers: neither kind of file records their names. The format is described at
https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lading.functions.inference.native.boosted import Answers
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.tree_depth import require_loadable
from lading.model_packaging.check.trees import (
    LEAF,
    BoostedTree,
    DamagedTree,
    Forest,
    NoTreeForm,
    Reading,
    TreeArrays,
)
from lading.model_packaging.conversion import Conversion, Converter, tool_versions
from lading.model_packaging.converters.boosting.conversion import (
    BoostedFile,
    Booster,
    Transform,
    convert_booster,
    exponential,
    identity,
    sigmoid,
    softmax,
    step,
)
from lading.model_packaging.converters.boosting.tree_graph import add_trees
from lading.model_packaging.converters.framework_errors import reading
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_nodes import Nodes
from lading.model_packaging.quiet import quiet
from lading.model_packaging.sources.ubjson import require_ubjson

_SUMS = (
    *("binary:logitraw", "rank:map", "rank:ndcg", "rank:pairwise", "reg:absoluteerror"),
    *("reg:expectileerror", "reg:linear", "reg:pseudohubererror", "reg:quantileerror"),
    *("reg:squarederror", "reg:squaredlogerror"),
)
_LOGARITHMS = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:aft", "survival:cox")
_TRANSFORMS: Mapping[str, Transform] = {
    "binary:hinge": step,
    **dict.fromkeys(("binary:logistic", "reg:logistic"), sigmoid()),
    **dict.fromkeys(("multi:softmax", "multi:softprob"), softmax),
    **dict.fromkeys(_LOGARITHMS, exponential),
    **dict.fromkeys(_SUMS, identity),
}
"""The functions of the sums, by the objective."""
_CATEGORIES = 1  # a split_type
_VERSION = re.compile(
    rb'"version"\s*:\s*\[\s*(\d+),\s*(\d+),\s*(\d+)\s*\]'  # JSON
    rb"|version\[#L.{8}i(.)i(.)i(.)",  # UBJSON
    re.DOTALL,
)


def _convert(spec: ModelSpec) -> Conversion:
    with quiet():
        return convert_booster(spec, open_file(spec))


@quiet()
def open_file(spec: ModelSpec) -> BoostedFile:
    """Load the model of a file as XGBoost's own call does.

    Raises:
        SourceUnreadable: XGBoost cannot read it.
        ManifestError: the manifest must state which trees answer, or does so without an effect.
    """
    content = spec.source.read_bytes()
    with reading(spec, f"cannot be read by {_library(content)}"):
        booster = _load(content)
    learner = json.loads(booster.save_raw("json"))["learner"]
    if booster.attr("scikit_learn"):
        return _of_estimator(spec, booster, content, learner)
    rounds = _counted(spec, booster)
    counted = booster[:rounds] if rounds else booster
    read = partial(read_xgboost, counted)
    trees = {"rounds": rounds, "in_place": False}
    return _opened(learner, read, _predict(counted), trees)


def _tools(spec: ModelSpec) -> dict[str, str]:
    return tool_versions(spec, "boosting", "xgboost-cpu|xgboost", "onnx")


CONVERTER = Converter("xgboost", _convert, _tools, suffixes=(".json", ".ubj"), keys=("iterations",))


def _library(content: bytes) -> str:
    """Return the version of the installed XGBoost, and of the one that wrote the file if newer."""
    import xgboost

    here = tuple(map(int, xgboost.__version__.split(".")[:3]))
    found = _VERSION.search(content)
    parts = found.groups() if found else ()
    written = tuple(int(part) if part.isdigit() else part[0] for part in parts if part)
    name = f"XGBoost {xgboost.__version__}"
    if written <= here:
        return name
    return f"{name}, which is older than the {'.'.join(map(str, written))} that wrote it"


def _load(content: bytes) -> Any:
    import xgboost

    if content.startswith(b"["):
        raise ValueError("it is a dump of trees; save the model with save_model")
    if content.startswith(b"\x80"):
        raise ValueError("it is a pickle; rename it to .pkl and set trust: true")
    if not re.match(rb'\{\s*["}]', content):  # not JSON
        require_ubjson(content)
    return xgboost.Booster(model_file=bytearray(content))


def _of_estimator(
    spec: ModelSpec, booster: Any, content: bytes, learner: Mapping[str, Any]
) -> BoostedFile:
    if spec.iterations:
        reason = f"has no effect on {spec.source.name}, which an estimator saved; remove it"
        raise ManifestError(spec.place("iterations"), reason)
    with reading(spec, f"cannot be read by {_library(content)}"):
        estimator = _estimator(booster, content)
    predict = getattr(estimator, "predict_proba", estimator.predict)
    best, in_place = booster.attr("best_iteration"), estimator.booster != "gblinear"
    rounds = int(best) + 1 if best is not None and in_place else 0
    trees = {"rounds": rounds, "in_place": in_place}
    classifies = hasattr(estimator, "predict_proba")
    return _opened(learner, partial(read_estimator, estimator), predict, trees, classifies)


def _opened(
    learner: Mapping[str, Any],
    read: Callable[[], Booster],
    predict: Callable[[Array], Any],
    trees: Mapping[str, Any],
    classifies: bool | None = None,
) -> BoostedFile:
    """Return a file's model; `functions.inference.native.xgboost` describes the options."""
    objective, kind = learner["objective"]["name"], learner["gradient_booster"]["name"]
    columns, several, targets = _sizes(learner)
    answers = _answers(objective, several, classifies)
    options = {"answers": answers, "booster": kind, **trees}
    if objective == "multi:softmax":  # the same trees, with probabilities
        options["objective"] = "multi:softprob"
    infinite = trees["in_place"]
    return BoostedFile(
        read, predict, answers, columns, targets, np.float32, infinite=infinite, options=options
    )


def _sizes(learner: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return the numbers of columns, of targets, and of answers for each row."""
    parameters = learner["learner_model_param"]
    columns, several = int(parameters["num_feature"]), int(parameters.get("num_target", 1))
    return columns, several, max(1, int(parameters["num_class"]), several)


def _estimator(booster: Any, content: bytes) -> Any:
    """Return an estimator of the kind that wrote the file."""
    import xgboost

    kinds = {"classifier": xgboost.XGBClassifier, "ranker": xgboost.XGBRanker}
    written = json.loads(booster.attr("scikit_learn"))
    kind = str(written.get("_estimator_type") or written.get("type", ""))
    estimator = kinds.get(kind.lower().removeprefix("xgb"), xgboost.XGBRegressor)()
    estimator.load_model(bytearray(content))
    return estimator


def _counted(spec: ModelSpec, booster: Any) -> int:
    """Return the number of rounds whose trees answer, as the manifest chooses; 0 is all.

    Raises:
        ManifestError: it does not choose, or the file records no best iteration.
    """
    best, stated = booster.attr("best_iteration"), spec.iterations
    if best is None and stated == "best":
        reason = f"{spec.source.name} records no best iteration; remove it, or set iterations: all"
        raise ManifestError(spec.place("iterations"), reason)
    if best is not None and not stated:
        reason = (
            f"is required: {spec.source.name} records iteration {best} of "
            f"{booster.num_boosted_rounds()} as the best; set iterations: best or iterations: all"
        )
        raise ManifestError(spec.place("iterations"), reason)
    return int(best) + 1 if stated == "best" else 0


def _predict(booster: Any) -> Callable[[Array], Array]:
    import xgboost

    if '"multi:softmax"' in booster.save_config():
        booster.set_param({"objective": "multi:softprob"})  # the same trees, with probabilities

    def predict(rows: Array) -> Array:
        names = booster.feature_names  # rows come without names
        answers: Array = booster.predict(xgboost.DMatrix(rows, feature_names=names))
        return answers

    return predict


def used_trees(estimator: Any) -> Any:
    """Return the booster of a fitted estimator, with the trees that its `predict` uses."""
    booster = estimator.get_booster()
    best = booster.attr("best_iteration")
    return booster if best is None or estimator.booster == "gblinear" else booster[: int(best) + 1]


def read_estimator(estimator: Any) -> Booster:
    """Read a fitted XGBClassifier, XGBRegressor or XGBRanker.

    Raises:
        NoTreeForm: see `read_xgboost`.
    """
    missing = np.nan if estimator.missing is None else estimator.missing
    classifies = hasattr(estimator, "predict_proba")
    read = read_xgboost(used_trees(estimator), classifies=classifies, missing=missing)
    # An estimator predicts in place, which accepts infinite values; a linear booster cannot.
    return replace(read, infinite=estimator.booster != "gblinear")


def read_xgboost(model: Any, *, classifies: bool | None = None, missing: float = np.nan) -> Booster:
    """Read an `xgboost.Booster`, with all its trees.

    Args:
        model: the booster.
        classifies: whether the answers are classes; None if the objective decides.
        missing: a number that stands for a missing value, as NaN does.

    Raises:
        NoTreeForm: its objective or its kind of booster is not supported.
    """
    learner = json.loads(model.save_raw("json"))["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]
    if objective not in _TRANSFORMS:
        raise NoTreeForm(f"the objective {objective} is not supported")
    columns, several, targets = _sizes(learner)
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
    """Return the trees, if there are any, and the function that computes the sums."""
    if booster["name"] in ("gbtree", "dart"):
        trees = _trees(booster)
        require_loadable((each.tree for each in trees), columns)
        forest = Forest(trees, columns, _base(model[:1], columns), np.float32)
        return trees, partial(add_trees, forest=forest)
    if booster["name"] == "gblinear":
        weights = np.array(booster["model"]["weights"], np.float32)
        if weights.size != (columns + 1) * targets:
            raise DamagedTree(f"it is damaged: {weights.size} weights for {columns} columns")
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
    """Return the sums to which the trees add, as XGBoost computes them with leaves of zero.

    The base_score of the file is in terms of the answers, and its meaning changed over time.
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


def _linear(weights: Array, base: Array) -> Transform:
    """Return a linear model's sums: the last row is its bias; a missing value adds nothing."""

    def margins(nodes: Nodes, rows: str) -> str:
        zero = nodes.constant(np.float32(0))
        known = nodes.node("Where", nodes.node("IsNaN", rows), zero, rows)
        products = nodes.node("MatMul", known, nodes.constant(weights[:-1]))
        return nodes.node("Add", products, nodes.constant(weights[-1] + base))

    return margins


def _without(missing: float, margins: Transform) -> Transform:
    """Return the sums for rows in which a number stands for missing values."""
    if np.isnan(missing):
        return margins

    def read(nodes: Nodes, rows: str) -> str:
        found = nodes.node("Equal", rows, nodes.constant(np.float32(missing)))
        return margins(nodes, nodes.node("Where", found, nodes.constant(np.float32(np.nan)), rows))

    return read


def _model(booster: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = booster.get("gbtree", booster)["model"]  # dart contains a gbtree
    return model


def _trees(booster: dict[str, Any]) -> tuple[BoostedTree, ...]:
    model = _model(booster)
    weights = booster.get("weight_drop") or [1.0] * len(model["trees"])
    if not model["trees"]:
        raise NoTreeForm("it has no trees; train it for at least one round")
    each = zip(model["trees"], model["tree_info"], weights, strict=True)
    return tuple(_tree(*tree) for tree in each)


def _tree(dump: dict[str, Any], group: int, weight: float) -> BoostedTree:
    left, right = np.array(dump["left_children"]), np.array(dump["right_children"])
    conditions = np.array(dump["split_conditions"], np.float32)
    leaves = left == LEAF
    column = np.where(leaves, LEAF, dump["split_indices"])
    categoric = np.array(dump["split_type"]) == _CATEGORIES
    default_left = np.array(dump["default_left"], bool)
    # XGBoost sends the listed categories right, `TreeArrays` left: the two sides change places.
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
    """Return the leaves of a tree of several targets; a leaf's right child indexes its vector."""
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
        dump["categories_nodes"], dump["categories_segments"], dump["categories_sizes"], strict=True
    )
    return {node: frozenset(numbers[start : start + size]) for node, start, size in parts}
