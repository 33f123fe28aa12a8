import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import FrameworkUnknown

ROOT = Path(__file__).parents[3]
HEAVY = ("sklearn", "skops", "skl2onnx", "joblib", "onnx", "torch", "tensorflow", "xgboost")


@pytest.mark.parametrize(
    ("file", "framework"),
    [
        ("a.onnx", "onnx"),
        ("a.skops", "scikit-learn"),
        ("a.joblib", "scikit-learn"),
        ("a.pkl", "scikit-learn"),
        ("a.pickle", "scikit-learn"),
        ("a.pt", "pytorch"),
        ("a.pt2", "pytorch"),
        ("a.safetensors", "pytorch"),
        ("a.keras", "tensorflow"),
        ("a.h5", "tensorflow"),
        ("a.hdf5", "tensorflow"),
        ("A.H5", "tensorflow"),
        ("a.tflite", "tensorflow"),
        ("a.params", "mxnet"),
        ("a.ubj", "xgboost"),
        ("a.json", "xgboost"),
        ("a.txt", "lightgbm"),
    ],
)
def test_the_files_type_tells_the_framework(file: str, framework: str) -> None:
    assert find_converter("digits", Path(file)).framework == framework
    assert find_converter("digits", Path(file), framework).framework == framework


@pytest.mark.parametrize(
    ("file", "framework", "text"),
    [
        (
            "a.xls",
            None,
            r"a\.xls has an unknown type; supported: .*onnx \(\.onnx\), .*scikit-learn \(",
        ),
        ("a.safetensors", "huggingface", "is not a file that 'huggingface' reads"),
        (".", "onnx", "is not a folder that 'onnx' reads"),
        (".", "tensorflow", "is not a folder that 'tensorflow' reads"),
        ("a.skops", "scikit-lern", "did you mean 'scikit-learn'"),
    ],
)
def test_what_no_converter_takes_is_refused_with_what_they_take(
    file: str, framework: str | None, text: str
) -> None:
    with pytest.raises(FrameworkUnknown, match=text) as caught:
        find_converter("digits", Path(file), framework)
    assert caught.value.framework == framework


@pytest.mark.parametrize(
    ("file", "framework"),
    [
        ("a.bin", "xgboost"),
        ("a", "lightgbm"),
        ("a.model", "scikit-learn"),
        ("pytorch_model.bin", "pytorch"),
        ("a.onnx", "tensorflow"),
        ("a.onnx.data", "onnx"),
    ],
)
def test_the_manifests_framework_holds_whatever_the_suffix(file: str, framework: str) -> None:
    assert find_converter("digits", Path(file), framework).framework == framework


def test_finding_converters_imports_no_framework() -> None:
    code = (
        "import sys; import lading.model_packaging.converters.registry;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"
