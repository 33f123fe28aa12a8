from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from lading.model_packaging.check.stage import check
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.errors import ConversionError, ManifestError
from lading.model_packaging.estimators.inputs import inputs_of
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from tests.model_packaging.estimators.packaging import converted, served

pd = pytest.importorskip("pandas")

ROWS = np.random.default_rng(1).normal(size=(80, 2))
FRAME = pd.DataFrame(ROWS, columns=["width", "height"])
TARGET = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
NAMED = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, TARGET)
NAMELESS = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET)


def spec(folder: Path, estimator: object, **inputs: InputShape) -> ModelSpec:
    joblib.dump(estimator, folder / "model.pickle")
    return ModelSpec("m", folder / "model.pickle", trust=True, inputs=inputs)


@pytest.mark.parametrize("shape", [("batch", 2), ("batch", "features")])
def test_the_only_input_may_have_any_name(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    model = spec(tmp_path, NAMED, **{"input-0": InputShape(shape)})
    conversion = CONVERTER.convert(model)
    check(model, conversion)
    (only,) = served(conversion).inputs
    assert (only.name, only.shape) == ("input-0", (-1, 2))


def test_the_only_column_may_have_any_name(tmp_path: Path) -> None:
    model = LogisticRegression().fit(FRAME[["width"]], TARGET)
    conversion = converted(tmp_path, model, **{"input-0": "FP32"})
    assert [each.shape for each in served(conversion).inputs] == [(-1,)]


def test_columns_with_names_go_to_those_of_training(tmp_path: Path) -> None:
    conversion = converted(tmp_path, NAMED, height="FP32", width="FP32")
    found = served(conversion).run({"height": ROWS[:, 1], "width": ROWS[:, 0]})
    np.testing.assert_allclose(found["probabilities"], NAMED.predict_proba(FRAME), 1e-3, 1e-6)


def test_columns_without_names_are_in_the_manifests_order(tmp_path: Path) -> None:
    conversion = converted(tmp_path, NAMELESS, first="FP32", second="FP32")
    found = served(conversion).run({"first": ROWS[:, 0], "second": ROWS[:, 1]})
    np.testing.assert_allclose(found["probabilities"], NAMELESS.predict_proba(ROWS), 1e-3, 1e-6)


@pytest.mark.parametrize("table", [FRAME, ROWS], ids=["named", "nameless"])
def test_a_search_may_find_that_the_first_step_passes_columns_on(
    tmp_path: Path, table: Any
) -> None:
    steps = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    search = GridSearchCV(steps, {"scale": ["passthrough"]}, cv=2).fit(table, TARGET)
    inputs = {"height": "FP32", "width": "FP32"} if table is FRAME else {}
    found = served(converted(tmp_path, search, **inputs)).run(
        {"height": ROWS[:, 1], "width": ROWS[:, 0]} if inputs else {"X": ROWS}
    )
    np.testing.assert_allclose(found["probabilities"], search.predict_proba(table), 1e-3, 1e-6)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (
            {"width": InputShape(("batch",)), "hight": InputShape(("batch",))},
            "has a column 'hight', but the estimator was fitted on width, height; did you mean",
        ),
        ({"width": InputShape(("batch",))}, "are 1 columns, but the estimator was fitted on 2"),
        (
            {"X": InputShape(("batch", 3))},
            "has 'X' of 3 columns, but the estimator was fitted on 2",
        ),
        ({"X": InputShape(("batch", 2), "FP16")}, "'X' must be a column: FP32, FP64"),
    ],
)
def test_inputs_that_do_not_fit_are_one_clear_error(
    tmp_path: Path, inputs: dict[str, InputShape], text: str
) -> None:
    with pytest.raises(ManifestError, match=text):
        CONVERTER.convert(spec(tmp_path, NAMED, **inputs))


@pytest.mark.parametrize("unit", ["ns", "D"])
def test_dates_that_an_encoder_has_learned_are_refused_by_their_column(
    tmp_path: Path, unit: str
) -> None:
    since = np.array(["2024-01-31", "2024-02-29"] * 4, f"datetime64[{unit}]")
    frame = pd.DataFrame({"age": np.arange(8.0), "since": since})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, ["since"]), remainder="passthrough")
    model = make_pipeline(columns, LinearRegression()).fit(frame, np.arange(8.0))
    with pytest.raises(ConversionError, match=r"the dates of column 'since'.*astype\(str\)"):
        inputs_of(ModelSpec("m", tmp_path / "m.skops"), model, 2)
