"""A container's model folder: artifacts or a Triton repository, and what is in neither."""

from pathlib import Path

import numpy as np
import pytest

from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.loading.folder import FolderEmpty, load_folder
from tests.support.worlds import add_sub, settings_for, times, write_artifact


def repository(root: Path, name: str, version: str, model: bytes) -> None:
    folder = root / name / version
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model)


def answer(catalog: Catalog, name: str) -> float:
    model = catalog.model(name)
    outputs = model.predictor(model.default_version()).predict({"x": np.ones((1, 1), np.float32)})
    return float(outputs["y"][0, 0])


def test_artifacts_are_served_in_all_their_versions(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(1), 10: times(10)}, "n": {1: times(2)}})
    catalog = load_folder(tmp_path)
    assert catalog.names() == ("m", "n")
    assert sorted(catalog.model("m").versions) == [1, 10]
    assert answer(catalog, "m") == 10


def test_an_artifact_that_is_damaged_is_kept_as_not_ready(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(1)}})
    (tmp_path / "models/m/1/model.onnx").write_bytes(b"other")
    (failure,) = load_folder(tmp_path).failures()
    assert "has digest" in failure.reason


def test_of_a_repositorys_model_the_newest_version_is_served(tmp_path: Path) -> None:
    for version in ("1", "9", "10"):
        repository(tmp_path, "m", version, times(int(version)))
    catalog = load_folder(tmp_path)
    assert list(catalog.model("m").versions) == [10]
    assert answer(catalog, "m") == 10


def test_a_repositorys_model_says_its_own_signature(tmp_path: Path) -> None:
    repository(tmp_path, "m", "1", add_sub())
    (predictor,) = load_folder(tmp_path).predictors()
    assert [spec.name for spec in predictor.metadata.inputs] == ["a", "b"]
    assert predictor.metadata.output_names() == ("sum", "difference")


def test_a_repositorys_model_that_is_none_is_kept_as_not_ready(tmp_path: Path) -> None:
    repository(tmp_path, "m", "1", b"none")
    (failure,) = load_folder(tmp_path).failures()
    assert (failure.name, failure.version) == ("m", 1)


@pytest.mark.parametrize("version", ["draft", "1.5", "\u00b2"])
def test_a_folder_without_a_model_is_refused(tmp_path: Path, version: str) -> None:
    repository(tmp_path, "m", version, times(1))
    with pytest.raises(FolderEmpty, match=r"put models/<name>/<version>/artifact\.json or"):
        load_folder(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderEmpty):
        load_folder(tmp_path / "none")


OWN = b"def postprocess(arrays):\n    return {'y': arrays['y'] * 3}\n"


def test_code_that_no_lock_pins_runs_only_where_the_operator_allows_it(tmp_path: Path) -> None:
    files = {"model.onnx": sha256(times(2)), "own.py": sha256(OWN)}
    steps = [{"step": "code", "file": "own.py"}]
    digest = write_artifact(tmp_path, "m", 1, times(2), files=files, processing=steps)
    (tmp_path / "models/m/1/own.py").write_bytes(OWN)
    (failure,) = load_folder(tmp_path).failures()
    assert "has code that no lock pins" in failure.reason
    assert answer(load_folder(tmp_path, allow_code=True), "m") == 6
    pinned = ServingSettings((ServedModel("m", {1: digest}),), str(tmp_path))
    assert answer(load_catalog(pinned), "m") == 6


def test_code_that_no_lock_pins_is_not_loaded_later_either(tmp_path: Path) -> None:
    files = {"model.onnx": sha256(times(2)), "own.py": sha256(OWN)}
    steps = [{"step": "code", "file": "own.py"}]
    write_artifact(tmp_path, "m", 1, times(2), files=files, processing=steps)
    (tmp_path / "models/m/1/own.py").write_bytes(OWN)
    control = ModelControl(Catalog({}), tmp_path)
    with pytest.raises(ModelUnavailable, match="set LADING_ALLOW_CODE=true"):
        control.load("m")
    control.allow_code = True
    assert control.load("m").ready(1)
