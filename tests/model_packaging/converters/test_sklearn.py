import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from skops import io

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.model_packaging.conversion import Conversion, as_bytes
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.errors import (
    ConversionError,
    ManifestError,
    SourceUnreadable,
    SourceUntrusted,
)
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from tests.model_packaging.comparison import check_conversion

PIXELS, SPECIES = load_iris(return_X_y=True)
ROWS = PIXELS.astype(np.float32)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]


def convert(folder: Path, estimator: Any) -> Conversion:
    path = folder / "model.joblib"
    joblib.dump(estimator, path)
    return CONVERTER.convert(ModelSpec("iris", path, trust=True))


def signature(conversion: Conversion) -> dict[str, tuple[str, int]]:
    return {
        spec.name: (spec.datatype, len(spec.shape)) for spec in OnnxSession(conversion.onnx).outputs
    }


LABEL, SCORES = ("INT64", 1), ("FP32", 2)


def rows(conversion: Conversion, table: Array = ROWS) -> Array:
    """Rows in the type that the converted model takes."""
    (spec,) = OnnxSession(conversion.onnx).inputs
    return table.astype(DTYPES[spec.datatype])


@pytest.mark.parametrize(
    ("estimator", "target", "outputs"),
    [
        (LogisticRegression(max_iter=500), SPECIES, {"label": LABEL, "probabilities": SCORES}),
        (LogisticRegression(max_iter=500), NAMES, {"label": ("BYTES", 1), "probabilities": SCORES}),
        (
            make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)),
            SPECIES,
            {"label": LABEL, "probabilities": SCORES},
        ),
        (LinearSVC(), SPECIES, {"label": LABEL}),
        (make_pipeline(StandardScaler(), LinearSVC()), SPECIES, {"label": LABEL}),
        (SVC(), SPECIES, {"label": LABEL}),
        (
            HistGradientBoostingClassifier(max_iter=5),
            SPECIES,
            {"label": LABEL, "probabilities": SCORES},
        ),
        (DecisionTreeClassifier(), SPECIES == 1, {"label": LABEL, "probabilities": SCORES}),
        (Ridge(), SPECIES, {"prediction": SCORES}),
        (Ridge(), PIXELS[:, :2], {"prediction": SCORES}),
        (RandomForestRegressor(5, random_state=0), SPECIES, {"prediction": SCORES}),
        (KMeans(3, n_init=2, random_state=0), None, {"label": LABEL}),
        (make_pipeline(StandardScaler(), PCA(2)), None, {"transformed": SCORES}),
    ],
)
def test_each_kind_of_estimator_answers_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None, outputs: dict[str, tuple[str, int]]
) -> None:
    conversion = convert(tmp_path, estimator.fit(ROWS, target))
    session = OnnxSession(conversion.onnx)
    assert [(spec.name, spec.shape) for spec in session.inputs] == [("X", (-1, 4))]
    assert signature(conversion) == outputs
    table = rows(conversion)
    requests = [{"X": table}, {"X": table[:1]}]
    assert check_conversion("iris", requests, conversion.reference, session.run) == 151


def test_the_same_estimator_gives_the_same_bytes(digits: Path, converted: Conversion) -> None:
    again = CONVERTER.convert(ModelSpec("digits", digits / "model.skops"))
    assert again.onnx == converted.onnx


def test_a_skops_file_of_trusted_types_needs_no_trust(converted: Conversion) -> None:
    assert signature(converted) == {"label": LABEL, "probabilities": SCORES}


def test_a_skops_file_is_one_whatever_its_suffix(digits: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes((digits / "model.skops").read_bytes())
    assert CONVERTER.convert(ModelSpec("digits", path)).onnx


def test_a_skops_file_with_other_types_names_them_and_asks_for_trust(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    io.dump(make_pipeline(StandardScaler(), FunctionTransformer(os.path.basename)), path)
    with pytest.raises(SourceUntrusted, match=r"models\.iris\.trust: true") as caught:
        CONVERTER.convert(ModelSpec("iris", path))
    assert caught.value.contents == ("posixpath.basename",)


class Marker:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", [".joblib", ".pkl"])
def test_a_pickle_is_never_loaded_without_trust(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Marker(tmp_path / "ran")))
    with pytest.raises(SourceUntrusted, match="a pickle"):
        CONVERTER.convert(ModelSpec("iris", path))
    assert not (tmp_path / "ran").exists()
    with pytest.raises(SourceUnreadable, match="holds a NoneType, not a scikit-learn estimator"):
        CONVERTER.convert(ModelSpec("iris", path, trust=True))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", [".joblib", ".pkl", ".skops"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x05", b"PK\x03\x04" + b"\x00" * 60])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceUnreadable, match="is damaged or not a file of scikit-learn"):
        CONVERTER.convert(ModelSpec("iris", path, trust=True))


def test_a_truncated_skops_file_is_one_clear_error(tmp_path: Path, digits: Path) -> None:
    content = (digits / "model.skops").read_bytes()
    path = tmp_path / "model.skops"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceUnreadable, match="is damaged"):
        CONVERTER.convert(ModelSpec("digits", path))


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (LogisticRegression(), "is not fitted"),
        (FunctionTransformer(abs).fit(ROWS), "has no ONNX form"),
    ],
)
def test_an_estimator_without_an_onnx_form_is_one_clear_error(
    tmp_path: Path, estimator: Any, text: str
) -> None:
    with pytest.raises(ConversionError, match=text) as caught:
        convert(tmp_path, estimator)
    assert "\n" not in str(caught.value)


def test_what_is_no_estimator_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="holds a dict, not a scikit-learn estimator"):
        convert(tmp_path, {"weights": [1, 2]})


def test_an_outlier_detector_answers_as_the_original_does(tmp_path: Path) -> None:
    conversion = convert(tmp_path, IsolationForest(n_estimators=10, random_state=0).fit(ROWS))
    session = OnnxSession(conversion.onnx)
    check_conversion("iris", [{"X": ROWS}], conversion.reference, session.run)


COLUMNS = {"size": InputShape(("batch",)), "kind": InputShape(("batch", 1), "BYTES")}


def mixed(folder: Path, **inputs: InputShape) -> ModelSpec:
    """A pipeline of one column of numbers and one of texts, fitted on an array."""
    rows = np.array([[1.0, "a"], [2.0, "b"], [3.0, "b"], [4.0, "a"]], np.object_)
    steps = ColumnTransformer([("n", StandardScaler(), [0]), ("c", OneHotEncoder(), [1])])
    model = make_pipeline(steps, LogisticRegression()).fit(rows, [0, 1, 1, 0])
    joblib.dump(model, folder / "mixed.joblib")
    return ModelSpec("mixed", folder / "mixed.joblib", trust=True, inputs=inputs)


def test_columns_that_the_manifest_names_are_inputs_of_their_own(tmp_path: Path) -> None:
    conversion = CONVERTER.convert(mixed(tmp_path, **COLUMNS))
    session = OnnxSession(conversion.onnx)
    assert [(spec.name, spec.datatype, spec.shape) for spec in session.inputs] == [
        ("size", "FP32", (-1,)),
        ("kind", "BYTES", (-1, 1)),
    ]
    request = {"size": np.array([1, 3], np.float32), "kind": as_bytes(np.array([["a"], ["b"]]))}
    check_conversion("mixed", [request], conversion.reference, session.run)
    assert session.run(request)["label"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"size": COLUMNS["size"]}, r"m.*inputs: are 1 columns, but the estimator was fitted on 2"),
        ({**COLUMNS, "kind": InputShape(("batch", 2), "BYTES")}, "'kind' must be a column: FP32"),
        ({**COLUMNS, "size": InputShape(("batch",), "FP16")}, "'size' must be a column"),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    tmp_path: Path, inputs: dict[str, InputShape], text: str
) -> None:
    with pytest.raises(ManifestError, match=text):
        CONVERTER.convert(mixed(tmp_path, **inputs))
