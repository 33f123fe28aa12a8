"""Damaged graphs and steps of scikit-learn's models, each of which packaging refuses."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from sklearn import ensemble
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import Conversion, Processing
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.estimators.packaging import spec_of
from tests.model_packaging.mutations import trees
from tests.model_packaging.mutations.kit import (
    Damage,
    require_refusal,
    require_refused,
    require_sound,
)

GENERATOR = np.random.default_rng(23)
FULL = GENERATOR.normal(size=(200, 4))
HOLED = np.where(GENERATOR.random(FULL.shape) < 0.15, np.nan, FULL)
NUMBER = FULL[:, 0] * 3 + FULL[:, 1] ** 2 - FULL[:, 2]
CLASS = np.digitize(NUMBER, [0.0, 2.0])
TWO = (NUMBER > 0).astype(int)
MIXED = np.empty((200, 3), np.object_)
MIXED[:, 0] = GENERATOR.choice(np.array(["Graz", "Linz", "Wien", None], np.object_), 200)
MIXED[:, 1] = GENERATOR.choice(["basic", "pro", "trial"], 200)
MIXED[:, 2] = GENERATOR.normal(40, 12, 200)
MOMENTS = np.stack([1.7e12 + GENERATOR.integers(0, 60_000, 200), FULL[:, 0]], axis=1)
TEXTS = [f"{first} {second}!" for first in ("Red", "blue", "café") for second in ("chair", "TABLE")]

Model = tuple[Any, dict[str, str]]
COLUMNS = {"city": "BYTES", "plan": "BYTES", "age": "FP32"}


def _mixed() -> Model:
    parts = ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), [0, 1]), ("n", StandardScaler(), [2])]
    )
    target = (MIXED[:, 0] == "Wien") ^ (MIXED[:, 1] == "pro") ^ (MIXED[:, 2] > 45)
    return make_pipeline(parts, LogisticRegression(C=10)).fit(MIXED, target), COLUMNS


MODELS: dict[str, Callable[[], Model]] = {
    "tree": lambda: (DecisionTreeClassifier(max_depth=4).fit(HOLED, TWO), {}),
    "forest": lambda: (
        ensemble.RandomForestClassifier(5, max_depth=5, random_state=0).fit(HOLED, CLASS),
        {},
    ),
    "regressor": lambda: (
        ensemble.ExtraTreesRegressor(5, max_depth=5, random_state=0).fit(HOLED, NUMBER),
        {},
    ),
    "histogram": lambda: (
        ensemble.HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5).fit(HOLED, CLASS),
        {},
    ),
    "boosting": lambda: (
        ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0).fit(FULL, TWO),
        {},
    ),
    "isolation": lambda: (
        ensemble.IsolationForest(n_estimators=8, contamination=0.1, random_state=0).fit(HOLED),
        {},
    ),
    "columns": _mixed,
    "moments": lambda: (
        make_pipeline(StandardScaler(), LogisticRegression()).fit(
            MOMENTS, MOMENTS[:, 0] > 1.7e12 + 30_000
        ),
        {},
    ),
    "texts": lambda: (
        make_pipeline(
            TfidfVectorizer(strip_accents="unicode", ngram_range=(1, 2)), LogisticRegression()
        ).fit(TEXTS * 8, [0, 1, 1, 2, 2, 0] * 8),
        {},
    ),
}


@pytest.fixture(scope="module")
def conversions(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[ModelSpec, Conversion]]:
    found = {}
    for name, make in MODELS.items():
        estimator, inputs = make()
        spec = spec_of(tmp_path_factory.mktemp(name), estimator, **inputs)
        found[name] = spec, require_sound(spec, CONVERTER.convert(spec))
    return found


def constants(change: Callable[[Array], Array | None], kind: str, place: int = 1) -> Damage:
    """The constant that the first operator of a type takes is changed."""

    def damage(model: ModelProto) -> None:
        node = next(
            each
            for each in model.graph.node
            if each.op_type == kind
            and any(each.input[place] == tensor.name for tensor in model.graph.initializer)
        )
        [tensor] = [it for it in model.graph.initializer if it.name == node.input[place]]
        array = numpy_helper.to_array(tensor).copy()
        changed = change(array)
        new = numpy_helper.from_array(array if changed is None else changed, f"{tensor.name}_new")
        model.graph.initializer.append(new)
        node.input[place] = new.name

    return damage


def drop_a_category(model: ModelProto) -> None:
    """The first category of the first column is called otherwise."""
    encoder = next(node for node in model.graph.node if node.op_type == "LabelEncoder")
    keys = next(each for each in encoder.attribute if each.name == "keys_strings")
    keys.strings[0] = b"nowhere"


def swap_text_columns(model: ModelProto) -> None:
    """The encoders of the two columns of texts take each other's."""
    names = {"city": "plan", "plan": "city"}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def missing_is_unknown(model: ModelProto) -> None:
    """The empty text is no category."""
    encoder = next(node for node in model.graph.node if node.op_type == "LabelEncoder")
    keys = next(each for each in encoder.attribute if each.name == "keys_strings")
    keys.strings[:] = [b"never" if key == b"" else key for key in keys.strings]


def round_rows(model: ModelProto) -> None:
    """What callers send is rounded to float32."""
    for node in model.graph.node:
        node.input[:] = ["rounded" if name == "X" else name for name in node.input]
    single = helper.make_node("Cast", ["X"], ["single"], to=TensorProto.FLOAT)
    double = helper.make_node("Cast", ["single"], ["rounded"], to=TensorProto.DOUBLE)
    model.graph.node.insert(0, double)
    model.graph.node.insert(0, single)


def reverse(array: Array) -> Array:
    return np.ascontiguousarray(array[::-1])


def zero(array: Array) -> None:
    array[...] = 0


SHARED = {
    name: damage
    for name, damage in trees.TREES.items()
    if name != "a leaf has the other sign"  # the first leaf of a class may be 0
}
DAMAGES: dict[str, tuple[str, Damage]] = {
    **{f"forest: {name}": ("forest", damage) for name, damage in SHARED.items()},
    **{f"regressor: {name}": ("regressor", damage) for name, damage in trees.TREES.items()},
    **{f"histogram: {name}": ("histogram", damage) for name, damage in SHARED.items()},
    "tree: columns change places": ("tree", SHARED["columns change places"]),
    "tree: a missing value goes the other way": (
        "tree",
        SHARED["a missing value goes the other way"],
    ),
    "a class gets another's votes": ("forest", trees.trees(trees.add_to_another_target)),
    "thresholds are rounded": ("histogram", trees.trees(trees.round_thresholds)),
    "histogram: rows are rounded": ("histogram", round_rows),
    "softmax becomes sigmoid": ("histogram", trees.replace("Softmax", "Sigmoid")),
    "the start of boosting is lost": ("boosting", constants(zero, "Add")),
    "an equal value is on the other side": (
        "boosting",
        SHARED["an equal value goes the other way"],
    ),
    "the label is of the other side": ("boosting", trees.replace("GreaterOrEqual", "Less")),
    "paths are not averaged": (
        "isolation",
        trees.replace("ReduceSum", "ReduceMax", axes=[1], keepdims=0),
    ),
    "an outlier is what is common": ("isolation", trees.replace("GreaterOrEqual", "Less")),
    "a category is dropped": ("columns", drop_a_category),
    "text columns change places": ("columns", swap_text_columns),
    "a missing text is unknown": ("columns", missing_is_unknown),
    "a mean is lost": ("columns", constants(zero, "Sub")),
    "classes change places": ("columns", constants(reverse, "Gather", 0)),
    "timestamps are rounded": ("moments", round_rows),
    "weights of words are lost": ("texts", trees.skip("Mul")),
}


@pytest.mark.parametrize(("model", "damage"), DAMAGES.values(), ids=list(DAMAGES))
def test_mutations_sklearn(
    model: str, damage: Damage, conversions: dict[str, tuple[ModelSpec, Conversion]]
) -> None:
    require_refusal(*conversions[model], damage)


def _without_first(words: dict[str, list[str]]) -> None:
    words["terms"][0], words["terms"][1] = words["terms"][1], words["terms"][0]


STEPS: dict[str, tuple[dict[str, Any], Callable[[dict[str, list[str]]], None] | None]] = {
    "capitals are kept": ({"lowercase": False}, None),
    "accents are kept": ({"accents": None}, None),
    "runs of words are not counted": ({"longest": 1}, None),
    "words of one letter are counted": ({"pattern": r"\w+"}, None),
    "a word counts once": ({"binary": True}, None),
    "two words change places": ({}, _without_first),
}


@pytest.mark.parametrize(("options", "change"), STEPS.values(), ids=list(STEPS))
def test_mutations_sklearn_texts(
    options: dict[str, Any],
    change: Callable[[dict[str, list[str]]], None] | None,
    conversions: dict[str, tuple[ModelSpec, Conversion]],
) -> None:
    spec, conversion = conversions["texts"]
    processing = conversion.processing
    assert processing is not None
    [(name, content)] = processing.files.items()
    words = json.loads(content)
    if change is not None:
        change(words)
    damaged = Processing(
        ({**processing.steps[0], **options},),
        {name: json.dumps(words).encode()},
        processing.inputs,
        processing.outputs,
    )
    require_refused(spec, conversion, replace(conversion, processing=damaged))
