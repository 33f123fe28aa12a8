"""See `model_packaging/converters/lightgbm.py` and
`model_packaging/converters/boosting/lightgbm.py`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.boosting.lightgbm import read_lightgbm
from lading.model_packaging.errors import ConversionError, PackagingError, SourceUnreadable
from lading.model_packaging.quiet import quiet
from tests.model_packaging.converters.boosted import (
    CATEGORIES,
    POSITIVE,
    ROWS,
    SIZE,
    THREE,
    TWO,
    X,
    convert,
    require_equal,
)
from tests.support.frameworks import needs

pytestmark = needs("boosting", "lightgbm")

BINARY = {"objective": "binary"}
CATEGORIC = {"categorical_feature": [CATEGORIES]}
CLASSES = {"num_class": 3}
FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
DART = {"boosting": "dart", "drop_rate": 0.5}
EVERY_SET = {"max_cat_threshold": 300, "cat_smooth": 0, "cat_l2": 0, "min_data_per_group": 1}

FULL = np.nan_to_num(X)
IDS = X.copy()
IDS[:, CATEGORIES] = np.random.default_rng(3).choice(
    [0, 1, 5, 33, 70_000, 2**24, 2**24 + 1, 2**25 + 1], ROWS
)
IDS[::9, CATEGORIES] = np.nan
ODD = ((IDS[:, CATEGORIES] % 7 < 3) ^ (X[:, 0] > 0)).astype(int)
MANY = X.copy()
MANY[:, CATEGORIES] = np.random.default_rng(4).integers(0, 400, ROWS)
SCATTERED = (MANY[:, CATEGORIES] * 7919 % 13 < 6).astype(int)
TIMES = X.copy()
TIMES[:, 0] = 1.7e12 + np.random.default_rng(5).integers(0, 60_000, ROWS)
LATE = (TIMES[:, 0] > 1.7e12 + 30_000).astype(int)

MODELS: dict[str, tuple[Array, Array, dict[str, Any]]] = {
    "missing as NaN": (X, TWO, BINARY),
    "never missing": (FULL, TWO, BINARY),
    "missing is not used": (X, TWO, BINARY | {"use_missing": False}),
    "zero as missing": (FULL, TWO, BINARY | {"zero_as_missing": True}),
    "zero and NaN as missing": (X, TWO, BINARY | {"zero_as_missing": True}),
    "categories": (X, TWO, BINARY | CATEGORIC),
    "categories and zero as missing": (X, TWO, BINARY | CATEGORIC | {"zero_as_missing": True}),
    "large ids": (IDS, ODD, BINARY | CATEGORIC),
    "large ids, one a split": (IDS, ODD, BINARY | CATEGORIC | {"max_cat_to_onehot": 99}),
    "many categories": (MANY, SCATTERED, BINARY | CATEGORIC | EVERY_SET),
    "timestamps": (TIMES, LATE, BINARY),
    "sigmoid": (X, TWO, BINARY | {"sigmoid": 2.5}),
    "multiclass": (X, THREE, CLASSES | {"objective": "multiclass"}),
    "multiclassova": (X, THREE, CLASSES | {"objective": "multiclassova", "sigmoid": 3}),
    "square root": (X, SIZE * 50, {"objective": "regression", "reg_sqrt": True}),
    "large numbers": (X, SIZE * 1e9, {"objective": "regression"}),
    "small numbers": (X, SIZE * 1e-5, {"objective": "regression"}),
    "dropped trees": (X, TWO, BINARY | DART),
    "dropped trees, three classes": (X, THREE, CLASSES | DART | {"objective": "multiclass"}),
    "random forest": (X, TWO, BINARY | FOREST),
    "random forest of three classes": (X, THREE, CLASSES | FOREST | {"objective": "multiclass"}),
    "random forest of counts": (X, POSITIVE, FOREST | {"objective": "poisson"}),
    "one leaf": (X, TWO, BINARY | {"min_data_in_leaf": ROWS}),
    "constant": (X, np.ones(ROWS), {"objective": "regression"}),
    **{
        objective: (X, POSITIVE, {"objective": objective})
        for objective in (
            "regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson",
            "gamma", "tweedie",
        )
    },
    **{
        objective: (X, TWO * 0.8 + 0.1, {"objective": objective})
        for objective in ("cross_entropy", "cross_entropy_lambda")
    },
    **{
        objective: (X, TWO, {"objective": objective})
        for objective in ("lambdarank", "rank_xendcg")
    },
}  # fmt: skip
SMALL = {"verbose": -1, "num_leaves": 12, "min_data_in_leaf": 5, "min_data_per_group": 5}


def train(path: Path, rows: Array, truth: Array, options: dict[str, Any], **more: Any) -> Any:
    import lightgbm

    with quiet():
        data = lightgbm.Dataset(rows, truth, free_raw_data=False)
        if "rank" in str(options["objective"]):
            data.set_group([10] * (ROWS // 10))
        booster = lightgbm.train(SMALL | {"num_threads": 1} | options, data, 8, **more)
        booster.save_model(path)
    return booster


def trees_of(path: Path) -> Any:
    import lightgbm

    return read_lightgbm(lightgbm.Booster(model_file=path)).trees


@pytest.mark.parametrize("kind", MODELS)
def test_a_file_answers_as_the_booster_does(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.txt"
    rows, truth, options = MODELS[kind]
    booster = train(path, rows, truth, options)
    conversion = convert(path)
    require_equal(conversion, trees_of(path), rows)
    first, *_ = [*conversion.reference({"X": rows}).values()][::-1]
    direct = booster.predict(rows)
    np.testing.assert_allclose(first[:, -1], direct if direct.ndim == 1 else direct[:, -1], 1e-5)


def test_training_that_went_on_with_other_data_keeps_what_each_tree_takes_for_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.txt"
    first = train(path, FULL, TWO, BINARY)
    train(path, X, TWO, BINARY | {"zero_as_missing": True}, init_model=first)
    require_equal(convert(path), trees_of(path))


def test_a_file_stopped_early_answers_with_the_trees_that_it_holds(tmp_path: Path) -> None:
    import lightgbm

    path = tmp_path / "m.txt"
    with quiet():
        other = lightgbm.Dataset(X, np.roll(TWO, 7), reference=lightgbm.Dataset(X, TWO))
    options = BINARY | {"early_stopping_round": 1, "learning_rate": 0.9}
    booster = train(path, X, TWO, options, valid_sets=[other])
    require_equal(convert(path), trees_of(path))
    served = OnnxSession(convert(path).onnx).run({"X": X})["probabilities"]
    np.testing.assert_allclose(served[:, 1], booster.predict(X), 1e-5)
    booster.save_model(path, num_iteration=-1)
    require_equal(convert(path), trees_of(path))


def test_an_objective_of_ones_own_answers_sums(tmp_path: Path) -> None:
    def squares(answers: Array, data: Any) -> tuple[Array, Array]:
        return answers - data.get_label(), np.ones_like(answers)

    path = tmp_path / "m.txt"
    train(path, X, TWO, {"objective": squares})
    require_equal(convert(path), trees_of(path))


def test_linear_trees_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "m.txt"
    train(path, FULL, SIZE, {"objective": "regression", "linear_tree": True})
    with pytest.raises(ConversionError, match="linear_tree is not supported"):
        convert(path)


def saved(folder: Path) -> Path:
    train(folder / "m.txt", X, TWO, BINARY)
    return folder / "m.txt"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("leaf_value=", "leaf_valu=", "should contain leaf_value"),
        ("num_leaves=12", "num_leaves=13", "Check failed"),
        ("Tree=3", "Tree3", "only 3 of its 8 trees are complete"),
        ("version=v4", "version=v9", "it has the format version v9; supported are v2, v3, v4"),
        ("version=v4\n", "", "it has the format version none"),
    ],
)
def test_damage_inside_a_file_is_one_line_and_ends_no_process(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = saved(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SourceUnreadable, match=f"cannot be read by LightGBM .*{reason}") as caught:
        convert(path)
    assert "\n" not in str(caught.value)


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    path = saved(tmp_path)
    text = path.read_text().replace("version=v4", "version=v3").replace("is_linear=0\n", "")
    sizes = next(line for line in text.splitlines() if line.startswith("tree_sizes="))
    path.write_text(text.replace(f"{sizes}\n", ""))
    require_equal(convert(path), trees_of(path))


def test_an_objective_that_is_not_known_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path)
    path.write_text(path.read_text().replace("objective=binary", "objective=martian", 1))
    with pytest.raises(PackagingError, match="martian"):
        convert(path)
