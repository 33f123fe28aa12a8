from pathlib import Path
from typing import Any

import pytest
from sklearn import ensemble
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from lading.functions.inference.tensors.conversion import Array
from tests.model_packaging.estimators.kinds.forests import (
    CLASS,
    HOLED,
    NUMBER,
    Forest,
    Histogram,
    Tree,
    agrees,
)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (ensemble.BaggingClassifier(Tree, 4, max_features=2), CLASS),
        (ensemble.BaggingRegressor(DecisionTreeRegressor(max_depth=3), 4), NUMBER),
        (ensemble.VotingClassifier([("a", Forest), ("b", Histogram)], voting="soft"), CLASS),
        (ensemble.VotingClassifier([("a", Forest), ("b", Tree)], weights=[2, 1]), CLASS),
        (ensemble.StackingClassifier([("a", Forest)], Tree, passthrough=True), CLASS),
        (ensemble.StackingRegressor([("a", ensemble.RandomForestRegressor(4))], Ridge()), NUMBER),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_members_answer_rows_with_holes_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array
) -> None:
    agrees(tmp_path, estimator, HOLED, target)
