from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.kinds.forests import (
    CLASS,
    FULL,
    HOLED,
    NUMBER,
    SEVERAL,
    TWO,
    Forest,
    Histogram,
    Tree,
    agrees,
)
from tests.model_packaging.estimators.packaging import converted, served


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (Tree, CLASS),
        (ExtraTreeClassifier(max_depth=4, random_state=0), CLASS),
        (DecisionTreeRegressor(max_depth=4), NUMBER),
        (ExtraTreeRegressor(max_depth=4, random_state=0), NUMBER),
        (Forest, CLASS),
        (ensemble.ExtraTreesClassifier(6, random_state=0), CLASS),
        (ensemble.RandomForestRegressor(6), NUMBER),
        (ensemble.ExtraTreesRegressor(6), NUMBER),
        (ensemble.IsolationForest(n_estimators=10, random_state=0), None),
        (ensemble.IsolationForest(n_estimators=10, contamination=0.1, max_features=2), None),
        (Histogram, CLASS),
        (Histogram, TWO),
        (ensemble.HistGradientBoostingRegressor(max_iter=6, loss="poisson"), NUMBER + 9),
        (make_pipeline(StandardScaler(), Forest), CLASS),
        (make_pipeline(MinMaxScaler(clip=True), Histogram), CLASS),
        (CalibratedClassifierCV(Forest), CLASS),
        (CalibratedClassifierCV(Forest, method="isotonic"), TWO),
        (OneVsRestClassifier(Forest), CLASS),
        (OneVsOneClassifier(Forest), CLASS),
        (MultiOutputClassifier(Forest), SEVERAL),
        (MultiOutputRegressor(ensemble.RandomForestRegressor(3)), FULL[:, :2]),
        (GridSearchCV(Forest, {"max_depth": [2, 3]}, cv=2), CLASS),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_nan_goes_the_way_that_the_trees_send_it_however_they_are_nested(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, HOLED, target)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (ensemble.GradientBoostingClassifier(n_estimators=6), CLASS),
        (ensemble.GradientBoostingClassifier(n_estimators=6, loss="exponential"), TWO),
        (ensemble.GradientBoostingClassifier(n_estimators=6, init="zero"), TWO),
        (ensemble.GradientBoostingRegressor(n_estimators=6, loss="huber"), NUMBER),
        (ensemble.AdaBoostClassifier(n_estimators=6), CLASS),
        (ensemble.AdaBoostClassifier(n_estimators=6), TWO),
        (ensemble.AdaBoostRegressor(n_estimators=9), NUMBER),
        (make_pipeline(ensemble.RandomTreesEmbedding(4), LogisticRegression()), TWO),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_boosted_and_embedding_trees_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array
) -> None:
    agrees(tmp_path, estimator, FULL, target)


@pytest.mark.parametrize("estimator", [Tree, Forest], ids=["tree", "forest"])
def test_several_labels_come_with_the_probabilities_of_each(tmp_path: Path, estimator: Any) -> None:
    labels = np.stack([CLASS, TWO], axis=1)
    conversion = converted(tmp_path, estimator.fit(HOLED, labels))
    answer = served(conversion).run({"X": HOLED})
    assert answer["label"].tolist() == estimator.predict(HOLED).tolist()
    assert answer["probabilities_0"].shape == (160, 3)
    np.testing.assert_allclose(answer["probabilities_1"], estimator.predict_proba(HOLED)[1], 1e-5)


def test_what_the_trees_refuse_is_refused_when_served(tmp_path: Path) -> None:
    model = served(converted(tmp_path, Forest.fit(FULL, CLASS)))
    with pytest.raises(InvalidInput, match="holds infinity"):
        model.run({"X": np.full((1, 4), np.inf)})
    boosted = ensemble.GradientBoostingClassifier(n_estimators=3).fit(FULL, CLASS)
    model = served(converted(tmp_path, boosted))
    with pytest.raises(InvalidInput, match="does not accept missing values"):
        model.run({"X": np.full((1, 4), np.nan)})


def test_numbers_beyond_float32_are_refused_where_the_trees_refuse_them(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), clone(Forest)).fit(FULL, CLASS)
    answer = served(converted(tmp_path, model)).run
    assert answer({"X": np.full((1, 4), 1e30)})["label"].shape == (1,)
    with pytest.raises(InvalidInput, match=r"holds 1e\+60.*; the model accepts numbers from"):
        answer({"X": np.full((1, 4), 1e60)})


def test_a_boosted_model_that_starts_from_another_one_is_refused_by_name(tmp_path: Path) -> None:
    start = ensemble.GradientBoostingClassifier(n_estimators=3, init=LogisticRegression())
    with pytest.raises(ConversionError, match=r"starts from a LogisticRegression \(init\)"):
        converted(tmp_path, start.fit(FULL, TWO))
