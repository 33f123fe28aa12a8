"""The process that calls an original: its answers, its refusals, its end."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.original import OriginalDied, OriginalProcess
from tests.model_packaging.native.boosters import make
from tests.support.frameworks import needs

pytestmark = needs("boosting", "xgboost", "lightgbm")


def test_it_answers_refuses_and_ends_with_its_object(tmp_path: Path) -> None:
    original = OriginalProcess(ModelSpec("m", make("linear_trees", tmp_path)), "lightgbm")
    process = original.process
    assert process != os.getpid()
    answer = original({"X": np.zeros((3, 10))})
    assert answer["prediction"].shape == (3, 1)
    with pytest.raises(ValueError, match="number of features"):
        original({"X": np.zeros((3, 2))})
    assert original({"X": np.zeros((1, 10))})["prediction"].shape == (1, 1)
    del original
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_that_dies_is_an_error_of_one_line(tmp_path: Path) -> None:
    original = OriginalProcess(ModelSpec("m", make("linear_trees", tmp_path)), "lightgbm")
    os.kill(original.process, signal.SIGKILL)
    with pytest.raises(OriginalDied, match=r"model 'm'.*ended with -9") as caught:
        original({"X": np.zeros((1, 10))})
    assert caught.value.code == -signal.SIGKILL


def test_an_original_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.txt"
    path.write_text("nothing", encoding="utf-8")
    with pytest.raises(ConversionError, match=r"original that fails.*cannot be read by LightGBM"):
        OriginalProcess(ModelSpec("m", path), "lightgbm")
