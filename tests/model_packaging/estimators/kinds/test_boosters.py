from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import converted, served, spec_of

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")

GENERATOR = np.random.default_rng(5)
ROWS = GENERATOR.normal(size=(200, 4))
ROWS[::9, 1] = np.nan
CLASS = np.digitize(np.nan_to_num(ROWS[:, 1]) + ROWS[:, 0], [-0.5, 0.5])
NAMES = np.array(["low", "middle", "high"])[CLASS]

XGB = xgboost.XGBClassifier(n_estimators=5, max_depth=3)
LGBM = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=5, verbose=-1)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (XGB, CLASS),
        (LGBM, NAMES),
        (make_pipeline(StandardScaler(), XGB), CLASS),
        (make_pipeline(StandardScaler(), XGB), CLASS > 0),
        (make_pipeline(StandardScaler(), LGBM), NAMES),
        (xgboost.XGBRFClassifier(n_estimators=5), CLASS > 0),
        (xgboost.XGBRegressor(n_estimators=5), ROWS[:, 0]),
        (lightgbm.LGBMRegressor(n_estimators=5, verbose=-1), ROWS[:, 0]),
        (VotingClassifier([("a", XGB), ("b", LGBM)], voting="soft"), CLASS),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_boosted_estimators_answer_as_the_original_alone_and_in_pipelines(
    tmp_path: Path, estimator: Any, target: Array
) -> None:
    converted(tmp_path, clone(estimator).fit(ROWS, target))


@pytest.mark.parametrize("booster", [XGB, LGBM], ids=["xgboost", "lightgbm"])
def test_zeros_of_a_sparse_matrix_are_missing_where_the_library_says_so(
    tmp_path: Path, booster: Any
) -> None:
    places = GENERATOR.integers(0, 9, 200).astype(float)
    table = np.stack([places, ROWS[:, 0]], axis=1)
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("c", encoder, [0])], remainder="passthrough", sparse_threshold=1)
    converted(tmp_path, make_pipeline(columns, clone(booster)).fit(table, places % 2))
    converted(tmp_path, make_pipeline(encoder, clone(booster)).fit(table[:, :1], places % 2))
    words = np.array(["red fox", "blue dog", "", "red dog dog"])[GENERATOR.integers(0, 4, 200)]
    model = make_pipeline(TfidfVectorizer(), clone(booster)).fit(words, words == "red fox")
    converted(tmp_path, model)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_labels_get_a_zero_or_one_each(tmp_path: Path, strategy: str) -> None:
    labels = np.stack([CLASS > 0, CLASS > 1, ROWS[:, 2] > 0], axis=1).astype(int)
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=3, multi_strategy=strategy)
    for estimator in (model, make_pipeline(StandardScaler(), model)):
        conversion = converted(tmp_path, clone(estimator).fit(ROWS, labels))
        found = served(conversion).run({"X": np.nan_to_num(ROWS)})
        assert {name: each.shape for name, each in found.items()} == {
            "label": (200, 3),
            "probabilities": (200, 3),
        }


def test_the_version_of_the_library_is_part_of_the_identity(tmp_path: Path) -> None:
    plain, boosted = tmp_path / "plain", tmp_path / "boosted"
    plain.mkdir()
    boosted.mkdir()
    assert "xgboost-cpu" not in CONVERTER.tools(spec_of(plain, LogisticRegression()))
    assert "xgboost-cpu" in CONVERTER.tools(spec_of(boosted, clone(XGB).fit(ROWS, CLASS)))


def test_the_best_iteration_answers_as_predict_does(tmp_path: Path) -> None:
    noise = GENERATOR.integers(0, 2, 200)
    model = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3)
    model.fit(ROWS[:100], noise[:100], eval_set=[(ROWS[100:], noise[100:])], verbose=False)
    assert model.best_iteration < 50
    found = served(converted(tmp_path, model)).run({"X": ROWS.astype(np.float32)})
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(ROWS), 1e-4, 1e-5)


@pytest.mark.parametrize(
    "ranker",
    [xgboost.XGBRanker(n_estimators=3), lightgbm.LGBMRanker(n_estimators=3, verbose=-1)],
    ids=["xgboost", "lightgbm"],
)
def test_a_ranker_gives_scores_and_no_labels(tmp_path: Path, ranker: Any) -> None:
    groups = {"group": [50] * 4}
    conversion = converted(tmp_path, ranker.fit(ROWS, CLASS, **groups))
    assert set(served(conversion).run({"X": ROWS})) == {"prediction"}


def test_a_final_step_behind_boosted_trees_is_fed_by_them(tmp_path: Path) -> None:
    model = StackingClassifier([("a", XGB)], LogisticRegression(), cv=2).fit(ROWS, CLASS)
    converted(tmp_path, model)


def test_a_calibrated_classifier_gets_the_sums_that_lightgbm_decides_by(tmp_path: Path) -> None:
    converted(tmp_path, CalibratedClassifierCV(LGBM, cv=2).fit(ROWS, CLASS))
    converted(tmp_path, CalibratedClassifierCV(LGBM, cv=2).fit(ROWS, CLASS > 0))


@pytest.mark.parametrize("datatype", ["BYTES", "FP32"])
@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_named_categories_are_sent_by_their_numbers(
    tmp_path: Path, kind: str, datatype: str
) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=list("abcd"))
    frame["d"] = pandas.Categorical(NAMES)
    model = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True)
    model = (model if kind == "xgboost" else clone(LGBM)).fit(frame, CLASS)
    with pytest.raises(ConversionError, match="leave inputs out of the manifest"):
        converted(tmp_path, model, a="FP32", b="FP32", c="FP32", d=datatype)
    converted(tmp_path, model)
