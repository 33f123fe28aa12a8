from pathlib import Path

import numpy as np
import pytest

import lading
from lading.api.errors import NothingLocked
from lading.functions.contract.errors import ArtifactError, InferenceError


@pytest.fixture
def lock(published: Path) -> Path:
    return published / "models.lock.json"


def test_it_tells_its_signature(lock: Path) -> None:
    model = lading.load("double", lock=lock)
    assert repr(model) == "<double version 1: x FP32 [any x any] -> y FP32 [any x any]>"
    assert "<td>input</td><td>x</td><td>FP32 [any x any]</td>" in model._repr_html_()


def test_wrong_inputs_are_refused_as_by_a_server(lock: Path) -> None:
    with pytest.raises(InferenceError):
        lading.load("double", 1, lock=lock).predict([1.0])


def test_a_version_that_is_not_locked_is_not_loaded(lock: Path) -> None:
    for choice in ({"version": 7}, {"label": "canary"}):
        with pytest.raises(NothingLocked):
            lading.load("double", **choice, lock=lock)


def test_a_damaged_version_is_not_loaded(workspace: Path, packaged: object) -> None:
    (path,) = workspace.glob("artifacts/models/double/1/model.onnx")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ArtifactError):
        lading.load("double", lock=workspace / "models.lock.json").predict(np.ones((1, 1)))
