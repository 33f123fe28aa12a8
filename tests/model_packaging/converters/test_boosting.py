"""See `model_packaging/converters/boosting/conversion.py` and the converters that stand on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet
from tests.model_packaging.comparison import check_conversion
from tests.model_packaging.converters.examples import signature
from tests.support.frameworks import needs

pytestmark = needs("boosting", "xgboost", "lightgbm")

DATA: dict[str, Callable[..., tuple[Array, Array]]] = {
    "classes": load_iris,
    "two": load_breast_cancer,
    "number": load_diabetes,
}
LIBRARIES = ("xgboost.json", "xgboost.ubj", "lightgbm.txt")


def rows_of(data: str) -> tuple[Array, Array]:
    rows, truth = DATA[data](return_X_y=True)
    return rows.astype(np.float32), truth


def train(folder: Path, file: str, data: str, **options: Any) -> ModelSpec:
    """A spec of a model of that library, trained on that data."""
    path = folder / file
    rows, truth = rows_of(data)
    with quiet():
        if file.startswith("xgboost"):
            import xgboost

            kind = xgboost.XGBRegressor if data == "number" else xgboost.XGBClassifier
            kind(n_estimators=5, **options).fit(rows, truth).save_model(path)
        else:
            import lightgbm

            one = lightgbm.LGBMRegressor if data == "number" else lightgbm.LGBMClassifier
            one(n_estimators=5, verbose=-1, **options).fit(rows, truth).booster_.save_model(path)
    return ModelSpec("trees", path)


def convert(spec: ModelSpec) -> Conversion:
    return find_converter(spec.name, spec.source).convert(spec)


@pytest.mark.parametrize("file", LIBRARIES)
@pytest.mark.parametrize(
    ("data", "features", "outputs"),
    [
        ("classes", 4, {"label": ("INT64", (-1,)), "probabilities": ("FP32", (-1, 3))}),
        ("two", 30, {"label": ("INT64", (-1,)), "probabilities": ("FP32", (-1, 2))}),
        ("number", 10, {"prediction": ("FP32", (-1, 1))}),
    ],
)
def test_each_kind_answers_as_the_original_and_nan_is_missing(
    tmp_path: Path, file: str, data: str, features: int, outputs: dict[str, Any]
) -> None:
    conversion = convert(train(tmp_path, file, data))
    datatype = "FP32" if file.startswith("xgboost") else "FP64"
    assert signature(conversion) == {"X": (datatype, (-1, features)), **outputs}
    rows = rows_of(data)[0].astype(DTYPES[datatype])
    holes = np.where(np.arange(rows.size).reshape(rows.shape) % 7, rows, np.nan).astype(rows.dtype)
    requests = [{"X": rows}, {"X": rows[:1]}, {"X": holes}]
    session = OnnxSession(conversion.onnx)
    assert check_conversion("t", requests, conversion.reference, session.run) == 2 * len(rows) + 1


@pytest.mark.parametrize("file", LIBRARIES)
def test_the_same_file_gives_the_same_bytes(tmp_path: Path, file: str) -> None:
    spec = train(tmp_path, file, "classes")
    assert convert(spec).onnx == convert(spec).onnx


@pytest.mark.parametrize("file", LIBRARIES)
def test_with_a_framework_a_file_may_have_any_suffix(tmp_path: Path, file: str) -> None:
    spec = train(tmp_path, file, "classes")
    renamed = ModelSpec("trees", spec.source.rename(tmp_path / "model.bin"))
    converter = find_converter("trees", renamed.source, file.partition(".")[0])
    rows, _ = rows_of("classes")
    conversion = converter.convert(renamed)
    session = OnnxSession(conversion.onnx)
    rows = rows.astype(DTYPES[session.inputs[0].datatype])
    check_conversion("t", [{"X": rows}], conversion.reference, session.run)


def test_a_booster_that_gives_classes_alone_gives_probabilities_too(tmp_path: Path) -> None:
    conversion = convert(train(tmp_path, "xgboost.json", "classes", objective="multi:softmax"))
    rows, truth = rows_of("classes")
    answer = OnnxSession(conversion.onnx).run({"X": rows})
    assert (answer["label"] == truth).mean() > 0.95
    check_conversion("t", [{"X": rows}], conversion.reference, OnnxSession(conversion.onnx).run)


def test_columns_with_names_are_taken_by_their_order(tmp_path: Path) -> None:
    import xgboost

    rows, truth = rows_of("number")
    named = xgboost.DMatrix(rows, truth, feature_names=[f"column {i}" for i in range(10)])
    xgboost.train({}, named, 3).save_model(tmp_path / "m.json")
    conversion = convert(ModelSpec("m", tmp_path / "m.json"))
    check_conversion("m", [{"X": rows}], conversion.reference, OnnxSession(conversion.onnx).run)


@pytest.mark.parametrize("file", LIBRARIES)
def test_a_damaged_or_truncated_file_is_one_clear_error(tmp_path: Path, file: str) -> None:
    spec = train(tmp_path, file, "classes")
    whole = spec.source.read_bytes()
    for content in (b"", b"garbage", b"{}", whole[: len(whole) // 2]):
        spec.source.write_bytes(content)
        with pytest.raises(SourceUnreadable, match="model 'trees'") as caught:
            convert(spec)
        assert "\n" not in str(caught.value)


def test_rows_that_the_original_does_not_take_are_no_fault_of_the_conversion(
    tmp_path: Path,
) -> None:
    conversion = convert(train(tmp_path, "lightgbm.txt", "classes"))
    with pytest.raises(ValueError, match="number of features"):
        conversion.reference({"X": np.ones((3, 2), np.float32)})
