"""Damaged graphs of XGBoost's models, each of which packaging refuses."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from onnx import ModelProto

from lading.model_packaging.converters.boosting.conversion import to_onnx
from lading.model_packaging.converters.boosting.xgboost import read_xgboost
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.converters.boosted import CATEGORIES, TWO, X, convert
from tests.model_packaging.converters.boosting.test_xgboost import train
from tests.model_packaging.mutations import trees
from tests.model_packaging.mutations.kit import Damage, require_refusal, require_sound
from tests.support.frameworks import needs

pytestmark = needs("boosting", "xgboost")

EARLY, CATEGORIC = "two classes, stopped early", "two classes, categories"
SEVERAL, LINEAR = "three classes", "linear"

DAMAGES: dict[str, tuple[str, Damage]] = {
    **{name: (CATEGORIC, damage) for name, damage in trees.TREES.items()},
    "the base score is dropped": (CATEGORIC, trees.scale_base),
    "a category is dropped": (CATEGORIC, trees.category_of(CATEGORIES, 1)),
    "a category is rounded": (CATEGORIC, trees.replace("Floor", "Ceil")),
    "the sigmoid is another": (CATEGORIC, trees.replace("Sigmoid", "HardSigmoid")),
    "classes are independent": (SEVERAL, trees.replace("Softmax", "Sigmoid")),
    "a class gets another's trees": (SEVERAL, trees.trees(trees.add_to_another_target)),
    "the label is of the other side": (CATEGORIC, trees.replace("Greater", "Less")),
    "the label is the least likely": (
        SEVERAL,
        trees.replace("ArgMax", "ArgMin", axis=1, keepdims=0),
    ),
    "missing values count in a linear model": (LINEAR, trees.skip("Where", keeps=2)),
    "the bias of a linear model is dropped": (LINEAR, trees.skip("Add")),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_mutations_xgboost(tmp_path: Path, name: str) -> None:
    kind, damage = DAMAGES[name]
    path = tmp_path / "m.json"
    train(path, kind)
    require_refusal(ModelSpec("trees", path), convert(path), damage)


@pytest.mark.parametrize("kind", [EARLY, CATEGORIC, SEVERAL, LINEAR])
def test_the_same_models_pass_when_nothing_is_damaged(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.json"
    train(path, kind)
    require_sound(ModelSpec("trees", path), convert(path))


def test_a_number_for_missing_values_that_is_taken_for_itself_is_refused(tmp_path: Path) -> None:
    import xgboost

    estimator = xgboost.XGBClassifier(n_estimators=5, missing=-999.0)
    joblib.dump(estimator.fit(np.nan_to_num(X, nan=-999.0), TWO), tmp_path / "m.joblib")
    spec = ModelSpec("trees", tmp_path / "m.joblib", trust=True)
    conversion = find_converter(spec.name, spec.source).convert(spec)
    require_sound(spec, conversion)
    require_refusal(spec, conversion, trees.skip("Where", keeps=2))


def test_trees_after_the_best_iteration_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    booster = train(path, EARLY).get_booster()

    def with_all_trees(model: ModelProto) -> None:
        model.CopyFrom(to_onnx(read_xgboost(booster, classifies=True)))

    require_refusal(ModelSpec("trees", path), convert(path), with_all_trees)
