"""LightGBM models, from the text that `save_model` writes: .txt or .lgb.

Classes are numbers: a booster does not record their names.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.native.boosted import Answers
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.tree_depth import require_loadable
from lading.model_packaging.check.trees import (
    LEAF,
    NEAR_ZERO,
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
    signed_square,
    softmax,
    softplus,
)
from lading.model_packaging.converters.boosting.tree_graph import add_trees
from lading.model_packaging.converters.framework_errors import reading
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet

_FIRST_LINE, _LAST_LINES = b"tree\n", b"\nend of trees\n"
_VERSION = re.compile(rb"^version=(.*)$", re.MULTILINE)
_VERSIONS = (b"v2", b"v3", b"v4")
_TREE_SIZES = re.compile(rb"^tree_sizes=(.*)\n", re.MULTILINE)

_CATEGORIC, _DEFAULT_LEFT = 1, 2  # bits of a decision_type; the two bits above say what is missing
_NUMERIC_READINGS = np.array([Reading.NAN_AS_ZERO, Reading.ZERO_AS_NAN, Reading.AS_IS])

_SUMS = (
    *("fair", "huber", "mape", "quantile", "regression", "regression_l1"),
    *("lambdarank", "rank_xendcg"),
)
_TRANSFORMS: Mapping[str, Transform] = {
    **dict.fromkeys(("binary", "cross_entropy", "multiclassova"), sigmoid()),
    "cross_entropy_lambda": softplus,
    "multiclass": softmax,
    **dict.fromkeys(("gamma", "poisson", "tweedie"), exponential),
    **dict.fromkeys(_SUMS, identity),
}
"""The functions of the sums, by the objective."""
_ANSWERS: Mapping[str, Answers] = {
    "binary": "two classes",
    "multiclass": "classes",
    "multiclassova": "classes",
}


def _convert(spec: ModelSpec) -> Conversion:
    with quiet():
        return convert_booster(spec, open_file(spec))


@quiet()
def open_file(spec: ModelSpec) -> BoostedFile:
    """Load the model of a file as LightGBM's own call does.

    Raises:
        SourceUnreadable: LightGBM cannot read it.
    """
    with reading(spec, f"cannot be read by LightGBM {version('lightgbm')}"):
        booster = _load(spec.source)
    facts = _facts(_parts(booster)[0])
    answers = _ANSWERS.get(facts.get("objective", "none").split(" ")[0], "numbers")
    return BoostedFile(
        partial(read_lightgbm, booster),
        booster.predict,
        answers,
        columns=int(facts["max_feature_idx"]) + 1,
        targets=int(facts["num_tree_per_iteration"]),
        dtype=np.float64,
        options={"answers": answers},
    )


def _tools(spec: ModelSpec) -> dict[str, str]:
    return tool_versions(spec, "boosting", "lightgbm", "onnx")


CONVERTER = Converter("lightgbm", _convert, _tools, suffixes=(".txt", ".lgb"))


def _load(source: Path) -> Any:
    import lightgbm

    content = source.read_bytes().replace(b"\r\n", b"\n")
    if not content.startswith(_FIRST_LINE) or _LAST_LINES not in content:
        raise ValueError("it is not a complete model as written by booster.save_model")
    found = _VERSION.search(content)
    if found is None or found[1] not in _VERSIONS:
        known = ", ".join(each.decode() for each in _VERSIONS)
        written = found[1].decode(errors="replace") if found else "none"
        raise ValueError(f"it has the format version {written}; supported are {known}")
    # With the sizes of the trees, LightGBM reads them in threads, where damage ends the process.
    # Without the sizes, it skips the trees after the first damaged line.
    sizes = _TREE_SIZES.search(content)
    booster = lightgbm.Booster(model_str=_TREE_SIZES.sub(b"", content, count=1).decode())
    if sizes and booster.num_trees() != len(sizes[1].split()):
        raise ValueError(
            f"only {booster.num_trees()} of its {len(sizes[1].split())} trees are complete"
        )
    return booster


def read_lightgbm(model: Any) -> Booster:
    """Read a `lightgbm.Booster`, up to its best iteration.

    Raises:
        NoTreeForm: its objective or its trees are not supported.
    """
    head, *parts = _parts(model)
    facts, trees = _facts(head), [_facts(part) for part in parts]
    if not trees:
        raise NoTreeForm("it has no trees; train it for at least one round")
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
    if any(each.get("is_linear", "0") != "0" for each in trees):
        raise NoTreeForm("linear_tree is not supported; train with linear_tree=false")
    return Booster(
        partial(add_trees, forest=forest),
        _transform(objective, options),
        _ANSWERS.get(objective, "numbers"),
        columns,
        targets,
        np.float64,
        tuple(each.tree for each in forest.trees),
        named=bool(model.pandas_categorical),
    )


def _parts(model: Any) -> list[str]:
    """Return the head of a model's text, and the text of each tree."""
    text: str = model.model_to_string()
    return text.partition("\nend of trees")[0].split("\nTree=")


def _facts(lines: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines.splitlines())
    return {key: value for key, _, value in pairs}


def _transform(objective: str, options: list[str]) -> Transform:
    known = dict(option.partition(":")[::2] for option in options)
    if objective == "none":  # a custom objective: the answers are the sums
        return identity
    if objective not in _TRANSFORMS:
        raise NoTreeForm(f"the objective {objective} is not supported")
    if "sigmoid" in known:
        return sigmoid(float(known["sigmoid"]))
    return signed_square if "sqrt" in known else _TRANSFORMS[objective]


def _tree(facts: dict[str, str], target: int, share: float) -> BoostedTree:
    leaves = _numbers(facts, "leaf_value", float)
    splits = len(leaves) - 1
    ends = np.full(len(leaves), LEAF)

    def each(key: str, kind: type[int | float], *, after: Array = ends) -> Array:
        """Return a value for each node: the splits come first, then the leaves."""
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
    """Return thresholds that treat numbers nearer to zero than NEAR_ZERO as zero.

    LightGBM replaces such numbers with zero before it compares them.
    """
    near = np.where(thresholds < 0, np.nextafter(-NEAR_ZERO, -1), NEAR_ZERO)
    return np.where(np.abs(thresholds) <= NEAR_ZERO, near, thresholds)


def _children(numbers: Array, splits: int) -> Array:
    """Return the nodes of the children; the file writes leaf n as -n - 1. Leaves have none."""
    nodes = np.where(numbers < 0, splits - numbers - 1, numbers)
    nodes[splits:] = LEAF
    return nodes


def _categories(facts: dict[str, str], nodes: Array) -> dict[int, frozenset[int]]:
    """Return the sets of bits; the threshold of a node is the number of its first boundary."""
    if not nodes.size:
        return {}
    bounds, words = _numbers(facts, "cat_boundaries", int), _numbers(facts, "cat_threshold", int)
    places = _numbers(facts, "threshold", float).astype(int)
    used = places[nodes]
    if used.min() < 0 or used.max() + 1 >= len(bounds) or bounds.max() > len(words):
        raise DamagedTree("a tree is damaged: it splits by categories that it does not list")
    return {
        int(node): _bits(words[bounds[place] : bounds[place + 1]])
        for node, place in zip(nodes, used, strict=True)
    }


def _bits(words: Array) -> frozenset[int]:
    """Return the numbers of the bits that are set, without unpacking the many words without any."""
    places = np.flatnonzero(words)
    bits = np.unpackbits(words[places].astype("<u4").view(np.uint8), bitorder="little")
    word, bit = np.nonzero(bits.reshape(-1, 32))
    return frozenset((places[word] * 32 + bit).tolist())


def read_estimator(estimator: Any) -> Booster:
    """Read a fitted LGBMClassifier, LGBMRegressor or LGBMRanker.

    Raises:
        NoTreeForm: see `read_lightgbm`; or it is a classifier that does not return probabilities.
    """
    booster = read_lightgbm(estimator.booster_)
    if hasattr(estimator, "predict_proba"):
        if booster.answers == "numbers":
            raise NoTreeForm(f"a classifier with the objective {estimator.objective_}")
        return booster
    return replace(booster, answers="numbers")
