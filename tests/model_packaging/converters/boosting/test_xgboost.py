"""See `model_packaging/converters/xgboost.py` and
`model_packaging/converters/boosting/xgboost.py`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.boosting.xgboost import read_xgboost
from lading.model_packaging.errors import ConversionError, ManifestError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.quiet import quiet
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.converters.boosted import (
    POSITIVE,
    ROWS,
    SEVERAL,
    SIZE,
    THREE,
    TWO,
    X,
    convert,
    require_equal,
)
from tests.support.frameworks import needs

pytestmark = needs("boosting", "xgboost")

TYPES = ["q", "q", "q", "c", "q"]
CATEGORIC = {"feature_types": TYPES, "enable_categorical": True}
EARLY = {"early_stopping_rounds": 3, "n_estimators": 60}
DART = {"booster": "dart", "rate_drop": 0.5}
ROUNDS = 6

ESTIMATORS: dict[str, tuple[str, Array, dict[str, Any]]] = {
    "two classes": ("XGBClassifier", TWO, {}),
    "two classes, categories": ("XGBClassifier", TWO, CATEGORIC),
    "two classes, one category a split": (
        "XGBClassifier",
        TWO,
        CATEGORIC | {"max_cat_to_onehot": 99},
    ),
    "two classes, stopped early": ("XGBClassifier", TWO, CATEGORIC | EARLY),
    "two classes, base score": ("XGBClassifier", TWO, {"base_score": 0.9}),
    "raw sums": ("XGBClassifier", TWO, {"objective": "binary:logitraw"}),
    "hinge": ("XGBClassifier", TWO, {"objective": "binary:hinge"}),
    "two classes of many": ("XGBClassifier", TWO, {"objective": "multi:softprob", "num_class": 2}),
    "three classes": ("XGBClassifier", THREE, {}),
    "three classes, softmax": ("XGBClassifier", THREE, {"objective": "multi:softmax"}),
    "three classes, stopped early": ("XGBClassifier", THREE, EARLY),
    "three classes, several trees a round": (
        "XGBClassifier",
        THREE,
        EARLY | {"num_parallel_tree": 4, "subsample": 0.5},
    ),
    "three classes, trees of vectors": (
        "XGBClassifier",
        THREE,
        {"multi_strategy": "multi_output_tree"},
    ),
    "several labels": ("XGBClassifier", (SEVERAL > 0).astype(int), {}),
    "several labels, trees of vectors": (
        "XGBClassifier",
        (SEVERAL > 0).astype(int),
        {"multi_strategy": "multi_output_tree"},
    ),
    "dropped trees": ("XGBClassifier", TWO, DART),
    "dropped trees, three classes": ("XGBClassifier", THREE, DART),
    "dropped trees, stopped early": ("XGBClassifier", TWO, DART | EARLY),
    "random forest": ("XGBRFClassifier", THREE, {}),
    "random forest of numbers": ("XGBRFRegressor", SIZE, {}),
    "linear": ("XGBClassifier", TWO, {"booster": "gblinear"}),
    "linear, three classes": ("XGBClassifier", THREE, {"booster": "gblinear"}),
    "linear, stopped early": ("XGBRegressor", SIZE, EARLY | {"booster": "gblinear"}),
    "numbers, large base score": ("XGBRegressor", SIZE, {"base_score": 1e6}),
    "numbers, stopped early": ("XGBRegressor", SIZE, EARLY),
    "several numbers": ("XGBRegressor", SEVERAL, {}),
    "several numbers, stopped early": ("XGBRegressor", SEVERAL, EARLY),
    "several numbers, trees of vectors": (
        "XGBRegressor",
        SEVERAL,
        EARLY | {"multi_strategy": "multi_output_tree"},
    ),
    "two quantiles": (
        "XGBRegressor",
        SIZE,
        {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]},
    ),
    "probabilities": ("XGBRegressor", TWO, {"objective": "reg:logistic"}),
    "one leaf": ("XGBRegressor", SIZE, {"gamma": 1e9}),
    **{
        objective: ("XGBRegressor", POSITIVE, {"objective": objective})
        for objective in (
            "reg:squarederror",
            "reg:squaredlogerror",
            "reg:pseudohubererror",
            "reg:absoluteerror",
            "reg:gamma",
            "reg:tweedie",
            "count:poisson",
            "survival:cox",
        )
    },
    **{
        objective: ("XGBRanker", TWO, {"objective": objective})
        for objective in ("rank:ndcg", "rank:pairwise", "rank:map")
    },
}


def train(path: Path, kind: str) -> Any:
    """A fitted estimator of that kind, saved there."""
    import xgboost

    name, truth, options = ESTIMATORS[kind]
    rows, fit = X.astype(np.float32), dict[str, Any]()
    if "early_stopping_rounds" in options:
        other = truth[:200].copy()
        other[::3] = np.roll(other[::3], 1, axis=0)
        fit = {"eval_set": [(rows[:200], other)], "verbose": False}
    if name == "XGBRanker":
        fit["qid"] = np.repeat(np.arange(ROWS // 10), 10)
    with quiet():
        estimator = getattr(xgboost, name)(**{"n_estimators": ROUNDS, "max_depth": 4} | options)
        estimator.fit(rows, truth, **fit).save_model(path)
    return estimator


def trees_of(path: Path) -> Any:
    import xgboost

    return read_xgboost(xgboost.Booster(model_file=path)).trees


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimators_file_answers_as_the_estimator_does(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.ubj"
    estimator = train(path, kind)
    conversion = convert(path)
    require_equal(conversion, trees_of(path), refuses_infinite=kind.startswith("linear"))
    classifies = hasattr(estimator, "predict_proba")
    answers = conversion.reference({"X": X.astype(np.float32)})
    direct = estimator.predict_proba(X) if classifies else estimator.predict(X).reshape(ROWS, -1)
    np.testing.assert_allclose(
        answers["probabilities" if classifies else "prediction"], direct, 1e-4
    )


def test_early_stopping_leaves_out_the_trees_after_the_best_iteration(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    estimator = train(path, "two classes, stopped early")
    rows = X.astype(np.float32)
    assert 0 < estimator.best_iteration + 1 < estimator.get_booster().num_boosted_rounds()
    every = estimator.predict_proba(
        rows, iteration_range=(0, estimator.get_booster().num_boosted_rounds())
    )
    served = OnnxSession(convert(path).onnx).run({"X": rows})["probabilities"]
    np.testing.assert_allclose(served, estimator.predict_proba(rows), 1e-5, 1e-6)
    assert np.abs(served - every).max() > 0.001


BOOSTERS: dict[str, tuple[Array, dict[str, Any]]] = {
    "binary:logistic": (TWO, {}),
    "binary:logitraw": (TWO, {}),
    "binary:hinge": (TWO, {}),
    "multi:softprob": (THREE, {"num_class": 3}),
    "multi:softmax": (THREE, {"num_class": 3}),
    "reg:squarederror": (SIZE, {}),
    "survival:aft": (POSITIVE, {}),
    "rank:ndcg": (TWO, {}),
}
CLASSIFIERS = ("binary:logistic", "binary:hinge", "multi:softprob", "multi:softmax")


def train_booster(path: Path, objective: str, **options: Any) -> Any:
    import xgboost

    truth, parameters = BOOSTERS[objective]
    with quiet():
        rows = xgboost.DMatrix(
            X.astype(np.float32),
            truth,
            feature_types=TYPES,
            feature_names=list("abcde"),
            enable_categorical=True,
        )
        if objective == "survival:aft":
            rows.set_float_info("label_lower_bound", truth)
            rows.set_float_info("label_upper_bound", truth * 2)
        if objective == "rank:ndcg":
            rows.set_group([10] * (ROWS // 10))
        booster = xgboost.train({"objective": objective, **parameters}, rows, **options)
        booster.save_model(path)
    return booster


@pytest.mark.parametrize("objective", BOOSTERS)
def test_a_boosters_file_answers_as_the_booster_does(tmp_path: Path, objective: str) -> None:
    path = tmp_path / "m.json"
    train_booster(path, objective, num_boost_round=ROUNDS)
    conversion = convert(path)
    outputs = [output.name for output in OnnxSession(conversion.onnx).outputs]
    classifies = objective in CLASSIFIERS
    assert outputs == (["label", "probabilities"] if classifies else ["prediction"])
    require_equal(conversion, trees_of(path), refuses_infinite=True)


def stopped_early(path: Path) -> Any:
    import xgboost

    rows = X.astype(np.float32)
    other = xgboost.DMatrix(rows, np.roll(TWO, 7), feature_names=list("abcde"), feature_types=TYPES)
    watched = {"evals": [(other, "other")], "early_stopping_rounds": 3, "verbose_eval": False}
    return train_booster(path, "binary:logistic", num_boost_round=60, **watched)


@pytest.mark.parametrize("iterations", ["best", "all"])
def test_the_manifest_says_which_trees_of_a_booster_answer(tmp_path: Path, iterations: Any) -> None:
    import xgboost

    path = tmp_path / "m.json"
    booster = stopped_early(path)
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    end = booster.best_iteration + 1 if iterations == "best" else 0
    rows = xgboost.DMatrix(X.astype(np.float32), feature_names=list("abcde"), feature_types=TYPES)
    conversion = convert(path, iterations)
    served = OnnxSession(conversion.onnx).run({"X": X.astype(np.float32)})["probabilities"]
    np.testing.assert_allclose(served[:, 1], booster.predict(rows, iteration_range=(0, end)), 1e-4)
    require_equal(conversion, refuses_infinite=True)


def test_a_booster_that_records_a_best_iteration_needs_a_word_of_the_manifest(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.json"
    booster = stopped_early(path)
    with pytest.raises(ManifestError, match=r"iterations: is required: m\.json records") as caught:
        convert(path)
    assert f"iteration {booster.best_iteration} of" in str(caught.value)


def test_iterations_that_say_nothing_to_the_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    train_booster(path, "binary:logistic", num_boost_round=2)
    with pytest.raises(ManifestError, match="records no best iteration"):
        convert(path, "best")
    train(path, "two classes")
    with pytest.raises(
        ManifestError, match=r"has no effect on .*, which an estimator saved; remove"
    ):
        convert(path, "all")


def test_an_objective_that_is_not_known_is_named(tmp_path: Path) -> None:
    import xgboost

    booster = xgboost.Booster(model_file=_saved(tmp_path))
    model = bytes(booster.save_raw("json")).replace(b"binary:logistic", b"reg:martian")
    with pytest.raises(SourceUnreadable, match="reg:martian") as caught:
        convert(_written(tmp_path / "other.json", model))
    assert "\n" not in str(caught.value)


def _saved(folder: Path) -> Path:
    train_booster(folder / "m.json", "binary:logistic", num_boost_round=2)
    return folder / "m.json"


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_infinite_values_are_refused_where_xgboost_refuses_them(tmp_path: Path) -> None:
    infinite = {"X": np.full((1, 5), np.inf, np.float32)}
    with pytest.raises(ValueError, match="inf"):
        convert(_saved(tmp_path)).reference(infinite)
    train(tmp_path / "e.json", "two classes")
    assert convert(tmp_path / "e.json").reference(infinite)["label"].shape == (1,)


def test_a_model_without_trees_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    train_booster(path, "binary:logistic", num_boost_round=0)
    with pytest.raises(ConversionError, match="it has no trees"):
        convert(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[{}]", "it is a dump of trees; save the model with save_model"),
        (b"\x80\x04", "it is a pickle; rename it to .pkl"),
        (b'{"a": 1}', "cannot be read by XGBoost"),
        (b'{"learner": {}, "version": [99, 1, 2]}', "which is older than the 99.1.2 that wrote it"),
    ],
)
def test_a_file_that_is_no_model_is_one_line_that_says_what_it_is(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        convert(_written(tmp_path / "m.json", content))
    assert "\n" not in str(caught.value)
    assert "/workspace/" not in str(caught.value)


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    train(path, "three classes")
    model = json.loads(path.read_text())
    trees = model["learner"]["gradient_booster"]["model"]
    del trees["iteration_indptr"], trees["cats"]
    for tree in trees["trees"]:
        tree["tree_param"]["size_leaf_vector"] = "0"
    model["learner"]["learner_model_param"]["base_score"] = "5E-1"
    model["learner"]["attributes"]["scikit_learn"] = json.dumps({"type": "XGBClassifier"})
    model["version"] = [1, 6, 2]
    path.write_text(json.dumps(model))
    require_equal(convert(path), trees_of(path))


def test_categories_of_a_frame_are_their_numbers(tmp_path: Path) -> None:
    import xgboost

    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X.astype(np.float32), columns=list("abcde"))
    codes = frame["d"].astype(int)
    frame["d"] = pandas.Categorical.from_codes(codes, [f"kind {code}" for code in range(9)])
    with quiet():
        estimator = xgboost.XGBClassifier(n_estimators=ROUNDS, enable_categorical=True)
        estimator.fit(frame, TWO).save_model(tmp_path / "m.json")
    conversion = convert(tmp_path / "m.json")
    require_equal(conversion, trees_of(tmp_path / "m.json"))
    served = OnnxSession(conversion.onnx).run({"X": X.astype(np.float32)})
    np.testing.assert_allclose(served["probabilities"], estimator.predict_proba(frame), 1e-4, 1e-6)


def test_trees_that_were_pruned_keep_what_is_left(tmp_path: Path) -> None:
    import xgboost

    path = tmp_path / "m.json"
    pruned = {"tree_method": "exact", "updater": "grow_colmaker,prune", "gamma": 5}
    with quiet():
        estimator = xgboost.XGBRegressor(n_estimators=ROUNDS, **pruned)
        estimator.fit(X.astype(np.float32), SIZE).save_model(path)
    require_equal(convert(path), trees_of(path))


@pytest.mark.parametrize("kind", ["two classes, stopped early", "two classes, categories"])
def test_what_is_published_answers_as_the_estimator_does_without_held_out_rows(
    tmp_path: Path, kind: str
) -> None:
    estimator = train(tmp_path / "m.json", kind)
    spec = ModelSpec("trees", tmp_path / "m.json")
    packaged = package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    predictor = open_onnx(read_artifact(Path(packaged.location)), packaged.version)
    rows = X.astype(np.float32)
    answers = predictor.predict({"X": rows})
    np.testing.assert_array_equal(answers["label"], estimator.predict(rows))
    np.testing.assert_allclose(answers["probabilities"], estimator.predict_proba(rows), 1e-4, 1e-6)
