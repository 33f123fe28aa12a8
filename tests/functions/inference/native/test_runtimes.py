"""Models in their own runtime: what is refused when one is opened."""

import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import Artifact, NativeSection, TensorSpec
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.native.libraries import LIBRARIES
from lading.functions.inference.native.runtimes import load, open_native, platform_of
from tests.support.frameworks import needs
from tests.support.interpreter import ROOT

MODULES = {"litert": "ai_edge_litert.interpreter", "skops": "skops.io"}
"""Runtime -> the module that it imports, where that has another name."""
TFLITE = ROOT / "tests/model_packaging/native/dense.tflite"
VERSIONS = {name: version(name) for name in ("scikit-learn", "skops")}
INPUTS, OUTPUTS = (TensorSpec("X", "FP32", (-1, 2)),), (TensorSpec("prediction", "FP32", (-1, 1)),)


def section(runtime: str, file: str = "model.json", **options: Any) -> NativeSection:
    stated = {"answers": "numbers", "rounds": 0, "in_place": True, "booster": "gbtree"}
    stated |= {"signature": "", "trusted": [], "versions": VERSIONS}
    return NativeSection(runtime, file, stated | options, INPUTS, OUTPUTS)


def artifact(native: NativeSection, model: bytes) -> Artifact:
    return Artifact("m", "", "", INPUTS, OUTPUTS, model, None, {}, native=native)


def test_a_runtime_of_a_later_version_is_named() -> None:
    with pytest.raises(ValueError, match="needs the runtime 'later', which this version"):
        open_native(artifact(section("later"), b""), 1)


@pytest.mark.parametrize("runtime", LIBRARIES)
def test_a_library_that_is_missing_is_named(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULES.get(runtime, runtime), None)
    monkeypatch.delitem(sys.modules, f"lading.functions.inference.native.{runtime}", raising=False)
    with pytest.raises(ValueError, match=f"needs {runtime}: .*on Lambda, add its layer"):
        load(section(runtime), b"")


@needs("boosting", "xgboost", "lightgbm")
@needs("litert", "ai_edge_litert")
@pytest.mark.parametrize("runtime", LIBRARIES)
def test_content_that_is_no_model_is_an_error_of_one_line(runtime: str) -> None:
    with pytest.raises(SessionError) as caught:
        load(section(runtime), b'{"a": 1}')
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"\S"):
        open_native(artifact(section(runtime), b"damaged"), 1)


@needs("boosting", "xgboost", "lightgbm")
@pytest.mark.parametrize("runtime", ["lightgbm", "xgboost"])
def test_a_model_with_other_columns_than_stated_is_refused(runtime: str) -> None:
    model, file = MODELS[runtime]()
    with pytest.raises(SessionError, match="it has 3 columns, and its artifact states 2"):
        load(section(runtime, file), model)


@needs("boosting", "xgboost", "lightgbm")
@pytest.mark.parametrize("runtime", ["lightgbm", "xgboost"])
def test_a_section_without_what_the_runtime_needs_is_refused(runtime: str) -> None:
    model, file = MODELS[runtime]()
    columns = (TensorSpec("X", "FP32", (-1, 3)),)
    for part in ({"options": {}, "inputs": columns}, {"inputs": ()}):
        with pytest.raises(ValueError, match="a section 'native' that lacks a part"):
            load(section(runtime, file)._replace(**part), model)


@needs("boosting", "xgboost", "lightgbm")
@pytest.mark.parametrize("runtime", ["lightgbm", "xgboost"])
def test_a_request_without_rows_gets_an_answer_without_rows(runtime: str) -> None:
    model, file = MODELS[runtime]()
    stated = section(runtime, file)
    loaded = load(stated._replace(inputs=(TensorSpec("X", "FP32", (-1, 3)),)), model)
    assert loaded.run({"X": np.empty((0, 3), np.float32)})["prediction"].shape == (0, 1)


@needs("litert", "ai_edge_litert")
def test_a_tflite_file_without_its_options_is_refused() -> None:
    stated = section("litert", "model.tflite")._replace(options={})
    with pytest.raises(ValueError, match="a section 'native' that lacks a part"):
        load(stated, TFLITE.read_bytes())


def test_the_platform_names_the_runtime_and_the_format() -> None:
    assert platform_of(section("xgboost", "model.ubj")) == "xgboost_ubj"


def _xgboost() -> tuple[bytes, str]:
    import xgboost

    rows = np.eye(3, dtype=np.float32)
    trained = xgboost.train({}, xgboost.DMatrix(rows, rows[:, 0]), 1)
    return bytes(trained.save_raw("json")), "model.json"


def _lightgbm() -> tuple[bytes, str]:
    import lightgbm

    rows = np.random.default_rng(0).normal(size=(60, 3))
    data = lightgbm.Dataset(rows, rows[:, 0])
    trained = lightgbm.train({"verbose": -1, "num_leaves": 3}, data, 1)
    return str(trained.model_to_string()).encode(), "model.txt"


MODELS = {"xgboost": _xgboost, "lightgbm": _lightgbm}
