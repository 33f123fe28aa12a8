"""Damaged graphs of LightGBM's models, each of which packaging refuses."""

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.converters.boosted import convert
from tests.model_packaging.converters.boosting.test_lightgbm import MODELS, train
from tests.model_packaging.mutations import trees
from tests.model_packaging.mutations.kit import Damage, require_refusal, require_sound
from tests.support.frameworks import needs

pytestmark = needs("boosting", "lightgbm")

NAN, ZERO, NEVER = "missing as NaN", "zero and NaN as missing", "never missing"
IDS, FEW, MANY, APART = "large ids", "categories", "many categories", "multiclassova"


def round_rows(model: ModelProto) -> None:
    """What callers send is rounded to float32."""
    for node in model.graph.node:
        node.input[:] = ["rounded" if name == "X" else name for name in node.input]
    single = helper.make_node("Cast", ["X"], ["single"], to=TensorProto.FLOAT)
    double = helper.make_node("Cast", ["single"], ["rounded"], to=TensorProto.DOUBLE)
    model.graph.node.insert(0, double)
    model.graph.node.insert(0, single)


def drop_a_category(model: ModelProto) -> None:
    """The first category of the first set is not in it."""

    def change(arrays: dict[str, np.ndarray], splits: np.ndarray) -> None:
        values = arrays["nodes_values"]
        [first, *_] = [each for each in splits if values[each] == np.trunc(values[each])]
        values[first] += 1

    trees.trees(change)(model)


DAMAGES: dict[str, tuple[str, Damage]] = {
    **{name: (NAN, damage) for name, damage in trees.TREES.items()},
    "thresholds are rounded": (NAN, trees.trees(trees.round_thresholds)),
    "rows are rounded": (NAN, round_rows),
    "timestamps are rounded": ("timestamps", round_rows),
    "ids are rounded": (IDS, round_rows),
    "zero is a number": (ZERO, trees.skip("Where", keeps=2)),
    "NaN is not zero": (NEVER, trees.skip("Where", keeps=2)),
    "a category is dropped": (MANY, drop_a_category),
    "a category is rounded": (MANY, trees.replace("Floor", "Ceil")),
    "a fraction below zero is no category": (FEW, trees.skip("Where", keeps=2)),
    "a missing value goes the other way": (ZERO, trees.TREES["a missing value goes the other way"]),
    "classes exclude each other": (APART, trees.replace("Sigmoid", "Softmax", axis=1)),
    "the sigmoid's steepness is dropped": (APART, trees.skip("Mul")),
    "a class gets another's trees": (APART, trees.trees(trees.add_to_another_target)),
    "the label is of the other side": (NAN, trees.replace("Greater", "Less")),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_mutations_lightgbm(tmp_path: Path, name: str) -> None:
    kind, damage = DAMAGES[name]
    path = tmp_path / "m.txt"
    train(path, *MODELS[kind])
    require_refusal(ModelSpec("trees", path), convert(path), damage)


@pytest.mark.parametrize("kind", [NAN, ZERO, NEVER, IDS, FEW, MANY, APART, "timestamps"])
def test_the_same_models_pass_when_nothing_is_damaged(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.txt"
    train(path, *MODELS[kind])
    require_sound(ModelSpec("trees", path), convert(path))
