from pathlib import Path

import pytest

from lading.model_packaging.errors import FrameworkUnknown
from lading.model_packaging.native.registry import find_native


@pytest.mark.parametrize(
    ("file", "framework"),
    [("m.json", "xgboost"), ("m.UBJ", "xgboost"), ("m.txt", "lightgbm"), ("m.lgb", "lightgbm")],
)
def test_the_suffix_says_whose_file_it_is(file: str, framework: str) -> None:
    assert find_native("m", Path(file)).framework == framework


def test_the_manifest_may_say_whose_file_it_is() -> None:
    assert find_native("m", Path("m.bin"), "xgboost").framework == "xgboost"


@pytest.mark.parametrize(("file", "framework"), [("m.onnx", None), ("m.json", "pytorch")])
def test_a_file_that_no_runtime_reads_is_an_error_that_lists_them(
    file: str, framework: str | None
) -> None:
    with pytest.raises(FrameworkUnknown, match=r"supported: lightgbm \(.txt.*xgboost \(.json"):
        find_native("m", Path(file), framework)


def test_a_folder_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FrameworkUnknown):
        find_native("m", tmp_path, "xgboost")
