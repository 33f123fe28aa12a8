"""Objects of a notebook become published versions."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import lading
from lading.api.errors import NotPackageable
from lading.api.package import PackagedModel
from lading.model_packaging.errors import ManifestError
from tests.support.frameworks import needs
from tests.support.worlds import times

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(200, 4)).astype(np.float32)
SIGNS = (NUMBERS.sum(axis=1) > 0).astype(np.int64)


def people() -> tuple[Any, Any, np.ndarray[Any, Any]]:
    """A pipeline of a table with numbers, texts and missing values, its rows, and the truth."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"age": NUMBERS[:, 0], "city": np.where(SIGNS, "Oslo", "Rome")})  # noqa: N806
    y = np.where(NUMBERS[:, 0] > 0, "yes", "no")
    columns = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    return make_pipeline(columns, LogisticRegression()).fit(X, y), X, y


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> PackagedModel:
    lock = tmp_path_factory.mktemp("churn") / "models.lock.json"
    return lading.package(*people(), name="churn", lock=lock, quiet=True)


def test_a_pipeline_and_its_rows_are_enough(churn: PackagedModel) -> None:
    model, X, _ = people()  # noqa: N806
    assert churn.summary.accuracy is not None
    assert churn.summary.accuracy.metric == "accuracy"
    assert (churn.name, churn.version, churn.summary.labels) == ("churn", 1, ("stable",))
    answer = churn.load().predict(X)
    assert answer["label"].tolist() == model.predict(X).tolist()
    np.testing.assert_allclose(answer["probabilities"], model.predict_proba(X), atol=1e-5)
    assert list(answer.columns()) == ["label", "probabilities: no", "probabilities: yes"]
    assert "accuracy" in churn.report().html
    assert churn._repr_html_().startswith("<p>churn version 1 published")


def test_the_same_objects_give_the_same_version(churn: PackagedModel) -> None:
    again = lading.package(*people(), name="churn", lock=churn.lock, quiet=True)
    assert (again.version, again.summary.built) == (1, False)


def test_classes_are_named_over_http_too(churn: PackagedModel, tmp_path: Path) -> None:
    _, X, _ = people()  # noqa: N806
    with lading.serve("churn", lock=churn.lock, log=tmp_path / "log") as server:
        answer = server.predict("churn", X)
    assert answer.columns() == churn.load().predict(X).columns()


def test_keys_of_the_manifest_and_a_gate_of_ones_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = LinearRegression().fit(NUMBERS, NUMBERS[:, 0])
    done = lading.package(
        model,
        NUMBERS,
        NUMBERS[:, 0],
        name="line",
        lock=tmp_path / "models.lock.json",
        metric="mae",
        max_drop=0.5,
        quantize="none",
        labels=["candidate"],
    )
    assert done.summary.accuracy is not None
    assert (done.summary.accuracy.metric, done.summary.accuracy.max_drop) == ("mae", 0.5)
    assert done.summary.labels == ("candidate",)
    assert re.search(r"convert +\d+\.\d s", capfd.readouterr().err)


def test_a_file_is_packaged_as_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "double.onnx").write_bytes(times(2))
    lock = tmp_path / "models.lock.json"
    done = lading.package(tmp_path / "double.onnx", name="double", lock=lock, quiet=True)
    assert done.predict([[2.0]])["y"].tolist() == [[4.0]]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ((object(),), "builtins.object is not a model that can be saved; supported are"),
        ((LinearRegression(), None, SIGNS), "need rows"),
        ((LinearRegression(), {"y": SIGNS}, SIGNS), "X has a column 'y'"),
    ],
)
def test_what_cannot_be_packaged_is_said_before_anything_runs(
    tmp_path: Path, given: tuple[Any, ...], reason: str
) -> None:
    with pytest.raises(NotPackageable, match=reason):
        lading.package(*given, lock=tmp_path / "models.lock.json")
    assert not list(tmp_path.iterdir())


def test_a_key_that_the_manifest_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"models\.model\.quantise: unknown key"):
        lading.package(LinearRegression(), quantise="auto", lock=tmp_path / "models.lock.json")


def boosted() -> tuple[Any, Any, Any]:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=5).fit(NUMBERS, SIGNS)
    return model, NUMBERS, model.predict_proba(NUMBERS)


def light() -> tuple[Any, Any, Any]:
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(n_estimators=5, verbose=-1).fit(NUMBERS, SIGNS)
    return model, NUMBERS, model.predict_proba(NUMBERS)


def keras_network() -> tuple[Any, Any, Any]:
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    return model, NUMBERS, np.asarray(model(NUMBERS))


def torch_network() -> tuple[Any, Any, Any]:
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout(), torch.nn.Softmax(dim=1))
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(NUMBERS)).numpy()
    return model.train(), NUMBERS, expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
@pytest.mark.parametrize(
    "train",
    [
        pytest.param(boosted, marks=needs("boosting", "xgboost")),
        pytest.param(light, marks=needs("boosting", "lightgbm")),
        pytest.param(
            keras_network,
            marks=[needs("tensorflow", "keras", "tensorflow", "tf2onnx"), pytest.mark.long],
        ),
        pytest.param(torch_network, marks=needs("pytorch", "torch")),
    ],
)
def test_models_of_other_frameworks_answer_as_they_did(
    tmp_path: Path, train: Callable[[], tuple[Any, Any, Any]]
) -> None:
    model, X, expected = train()  # noqa: N806
    lock = tmp_path / "models.lock.json"
    done = lading.package(model, X, SIGNS, lock=lock, quiet=True)
    answer = done.predict(X)
    found = next(each for each in answer.values() if each.dtype.kind == "f")
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-5)
    assert done.summary.accuracy is not None
