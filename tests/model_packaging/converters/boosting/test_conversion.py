"""See `model_packaging/converters/boosting/conversion.py`, and the modules that read estimators
for it."""

from typing import Any

import numpy as np
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.tree_probes import tree_probes
from lading.model_packaging.check.trees import NoTreeForm
from lading.model_packaging.converters.boosting import lightgbm as lightgbm_reader
from lading.model_packaging.converters.boosting import xgboost as xgboost_reader
from lading.model_packaging.converters.boosting.conversion import Booster, to_onnx
from lading.model_packaging.quiet import quiet
from tests.model_packaging.converters.boosted import ROWS, SIZE, THREE, TWO, X
from tests.support.frameworks import needs

pytestmark = needs("boosting", "xgboost", "lightgbm")

NAMES = np.array(["low", "middle", "high"])
GROUPS: dict[str, dict[str, Any]] = {
    "XGBRanker": {"qid": np.arange(ROWS) // 10},
    "LGBMRanker": {"group": [10] * (ROWS // 10)},
}
STOPPED = {"early_stopping_rounds": 2, "n_estimators": 60, "learning_rate": 0.9}
FILLED = np.nan_to_num(X, nan=-999)

ESTIMATORS: dict[str, tuple[str, Array, Array, dict[str, Any]]] = {
    "xgboost, two classes": ("XGBClassifier", X, TWO, {}),
    "xgboost, three classes": ("XGBClassifier", X, THREE, {}),
    "xgboost, stopped early": ("XGBClassifier", X, TWO, STOPPED),
    "xgboost, a number for what is missing": ("XGBClassifier", FILLED, TWO, {"missing": -999.0}),
    "xgboost, numbers": ("XGBRegressor", X, SIZE, {}),
    "xgboost, linear": ("XGBRegressor", X, SIZE, {"booster": "gblinear"}),
    "xgboost, ranks": ("XGBRanker", X, TWO, {}),
    "xgboost, random forest": ("XGBRFClassifier", X, THREE, {}),
    "lightgbm, two classes": ("LGBMClassifier", X, TWO, {}),
    "lightgbm, named classes": ("LGBMClassifier", X, NAMES[THREE], {}),
    "lightgbm, stopped early": ("LGBMClassifier", X, TWO, STOPPED),
    "lightgbm, numbers": ("LGBMRegressor", X, SIZE, {}),
    "lightgbm, ranks": ("LGBMRanker", X, TWO, {}),
}


def read(estimator: Any) -> Booster:
    ours = type(estimator).__name__.startswith("XGB")
    found: Booster = (xgboost_reader if ours else lightgbm_reader).read_estimator(estimator)
    return found


def fitted(kind: str) -> tuple[Any, Array]:
    """A fitted estimator of that kind, and the rows that it was fitted on."""
    import lightgbm
    import xgboost

    name, rows, truth, options = ESTIMATORS[kind]
    library: Any = xgboost if name.startswith("XGB") else lightgbm
    other = {"min_data_in_leaf": 5, "verbose": -1} if library is lightgbm else {"max_depth": 4}
    fit = dict(GROUPS.get(name, {}))
    if "early_stopping_rounds" in options:
        fit["eval_set"] = [(rows[:200], np.roll(truth[:200], 1))]
    with quiet():
        return getattr(library, name)(**{"n_estimators": 8} | other | options).fit(
            rows, truth, **fit
        ), rows


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_answers_as_its_own_call_does(kind: str) -> None:
    estimator, rows = fitted(kind)
    booster = read(estimator)
    session = OnnxSession(to_onnx(booster).SerializeToString())
    probes: list[Array] = [rows, *tree_probes(booster.trees, 5, booster.dtype).values()]
    for probe in (each.astype(booster.dtype) for each in probes):
        answers = session.run({"X": probe})
        if booster.answers == "numbers":
            wanted = estimator.predict(probe)
            np.testing.assert_allclose(answers["prediction"][:, 0], wanted, 1e-3, 1e-4)
        else:
            wanted = estimator.predict_proba(probe)
            np.testing.assert_allclose(answers["probabilities"], wanted, 1e-3, 1e-4)
            assert (estimator.classes_[answers["label"]] == estimator.predict(probe)).all()


def test_classes_get_their_names_where_they_are_given() -> None:
    estimator, rows = fitted("lightgbm, named classes")
    booster = read(estimator)
    model = to_onnx(booster, estimator.classes_.astype(np.object_))
    label = OnnxSession(model.SerializeToString()).run({"X": rows})["label"]
    assert [each.decode() for each in label] == estimator.predict(rows).tolist()


def test_a_classifier_with_an_objective_of_ones_own_is_refused_by_name() -> None:
    import lightgbm

    def squares(truth: Array, answers: Array) -> tuple[Array, Array]:
        return answers - truth, np.ones_like(answers)

    with quiet():
        estimator = lightgbm.LGBMClassifier(objective=squares, verbose=-1).fit(X, TWO)
    with pytest.raises(NoTreeForm, match="a classifier with the objective"):
        read(estimator)
