"""A class of the user's own behind the service's interface."""

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.native.runtimes import load, platform_of

SERVICE = """
from pathlib import Path
import numpy as np
from helper import FACTOR

class Model:
    def __init__(self, folder):
        assert isinstance(folder, Path)
        self.folder = folder

    def predict(self, inputs):
        return {"y": inputs["x"] * np.float32(FACTOR)}
"""


def zipped(files: Mapping[str, str], compression: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, text in files.items():
            archive.writestr(name, dedent(text))
    return content.getvalue()


def section(datatype: str = "FP32") -> NativeSection:
    inputs, outputs = (TensorSpec("x", "FP32", (-1,)),), (TensorSpec("y", datatype, (-1,)),)
    return NativeSection("python", "code.zip", {"class": "service:Model"}, inputs, outputs)


def opened(service: str = SERVICE, helper: str = "FACTOR = 2", datatype: str = "FP32") -> Backend:
    return load(section(datatype), zipped({"service.py": service, "helper.py": helper}))


def test_it_answers_and_its_platform_says_that_it_is_your_code() -> None:
    answer = opened().run({"x": np.array([1, 2], np.float32)})
    assert answer["y"].tolist() == [2, 4]
    assert platform_of(section()) == "python_your_code"


def test_two_models_with_modules_of_one_name_have_their_own() -> None:
    first, second = opened(helper="FACTOR = 2"), opened(helper="FACTOR = 3")
    rows = {"x": np.array([1], np.float32)}
    assert [each.run(rows)["y"].item() for each in (first, second, first)] == [2, 3, 2]
    assert not {"service", "helper"} & sys.modules.keys()


def test_modules_of_others_stay_imported() -> None:
    sys.modules["helper"] = other = type(sys)("helper")
    try:
        opened()
        assert sys.modules["helper"] is other
    finally:
        del sys.modules["helper"]


def test_its_files_are_removed_with_it() -> None:
    model = opened(
        SERVICE.replace("self.folder = folder", "type(self).places = [folder]").replace(
            "def predict", "def predict"
        )
        + "\n    def __del__(self): pass\n"
    )
    folder: Path = model._predict.__self__.places[0]  # type: ignore[attr-defined]
    assert (
        json.dumps(sorted(it.name for it in folder.glob("*.py"))) == '["helper.py", "service.py"]'
    )
    del model
    assert not folder.exists()


@pytest.mark.parametrize(
    ("datatype", "answer", "reason"),
    [
        ("BYTES", 'np.array(["a"], object)', "output 'y' must hold bytes, got a str"),
        ("BYTES", 'np.array(["a"])', r"output 'y' must be BYTES \(object\), got <U1"),
        ("INT64", "np.zeros(1)", r"output 'y' must be INT64 \(int64\), got float64"),
        ("FP32", "np.zeros((1, 1), 'f4')", r"output 'y' must have the shape \[-1\], got \[1, 1\]"),
    ],
)
def test_answers_of_another_kind_than_stated_are_failures(
    datatype: str, answer: str, reason: str
) -> None:
    service = SERVICE.replace('inputs["x"] * np.float32(FACTOR)', answer)
    model = opened(service, datatype=datatype)
    with pytest.raises(SessionError, match=reason):
        model.run({"x": np.zeros(1, np.float32)})


def test_an_error_of_the_class_is_one_line_without_a_traceback() -> None:
    model = opened(SERVICE.replace("return {", 'raise KeyError("first\\nsecond")\n        {'))
    with pytest.raises(SessionError) as caught:
        model.run({"x": np.zeros(1, np.float32)})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../out.py", "/out.py", "a/../../out.py"])
def test_a_path_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(SessionError, match="is not a file as packaging stores it"):
        load(section(), zipped({name: ""}))


def test_a_compressed_file_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(SessionError, match="is not a file as packaging stores it"):
        load(section(), zipped({"service.py": " " * 1000}, zipfile.ZIP_DEFLATED))


def test_a_damaged_zip_is_an_error() -> None:
    with pytest.raises(SessionError, match="its zip cannot be unpacked"):
        load(section(), b"damaged")


def test_a_server_that_cannot_unpack_it_says_so_and_serves_its_other_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a container whose file system is read-only, or full."""
    in_the_way = zipped({"service.py": SERVICE, "service.py/more.py": ""})
    with pytest.raises(SessionError, match="cannot be unpacked"):
        load(section(), in_the_way)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(SessionError, match="needs a folder for temporary files"):
        opened()
