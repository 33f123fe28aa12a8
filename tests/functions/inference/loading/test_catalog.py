"""The catalog finds a version by number or label, and keeps what failed to load as not ready."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lading.functions.contract.errors import (
    LabelNotFound,
    ModelNotFound,
    ModelUnavailable,
    VersionNotFound,
)
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.loading.catalog import (
    Catalog,
    CatalogModel,
    _read_version,
    load_catalog,
)
from lading.functions.inference.models.session_predictor import open_onnx
from tests.support.interpreter import ROOT
from tests.support.worlds import echo, settings_for, times, write_artifact


def test_a_version_is_found_by_number_by_label_and_by_default(tmp_path: Path) -> None:
    digests = {n: write_artifact(tmp_path, "m", n, times(n)) for n in (1, 2, 3)}
    served = ServedModel("m", digests, {"stable": 2, "canary": 3})
    model = load_catalog(ServingSettings((served,), str(tmp_path))).model("m")
    found = [model.find_version(), model.find_version(1), model.find_version(label="canary")]
    assert found == [2, 1, 3]
    answer = model.predictor(3).predict({"x": np.ones((1, 1), np.float32)})
    assert answer["y"].tolist() == [[3]]


def test_the_newest_answers_when_no_label_is_stable() -> None:
    unavailable = ModelUnavailable("m", 1, "")
    assert CatalogModel("m", {1: unavailable, 12: unavailable}).default_version() == 12


def test_what_is_not_served_is_told_with_what_is(tmp_path: Path) -> None:
    catalog = load_catalog(settings_for(tmp_path, {"m": {1: echo()}, "n": {1: echo()}}))
    with pytest.raises(ModelNotFound, match="'z' is not found; served here: m, n"):
        catalog.model("z")
    with pytest.raises(VersionNotFound, match="version 9 of model 'm' is not found; served: 1"):
        catalog.model("m").find_version(9)
    with pytest.raises(LabelNotFound, match="no version labeled 'canary'; labels: stable"):
        catalog.model("m").find_version(label="canary")


def test_a_label_on_a_version_that_is_not_here_is_not_found() -> None:
    model = CatalogModel("m", {1: ModelUnavailable("m", 1, "")}, {"canary": 2})
    with pytest.raises(VersionNotFound):
        model.find_version(label="canary")


def test_below_one_models_address_only_that_model_is_served(tmp_path: Path) -> None:
    catalog = load_catalog(settings_for(tmp_path, {"m": {1: echo()}, "n": {1: echo()}}))
    assert catalog.below()["n"].names() == ("n",)


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.onnx").read_bytes())
    content[9] ^= 1
    (folder / "model.onnx").write_bytes(content)


def lose_the_model(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def lose_everything(folder: Path) -> None:
    lose_the_model(folder)
    (folder / "artifact.json").unlink()


@pytest.mark.parametrize("damage", [flip_a_byte, lose_the_model, lose_everything])
def test_a_broken_version_is_kept_with_its_reason_and_the_others_answer(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo(), 2: echo()}})
    damage(tmp_path / "models" / "m" / "2")
    catalog = load_catalog(settings)
    model = catalog.model("m")
    assert (catalog.ready(), model.ready(1), model.ready(2)) == (False, True, False)
    assert [failure.version for failure in catalog.failures()] == [2]
    assert model.predictor(1).metadata.version == 1
    with pytest.raises(ModelUnavailable, match="model 'm' version 2 is not ready: models/m/2/"):
        model.predictor(2)


def test_a_refusal_keeps_nothing_of_the_request_that_met_it(tmp_path: Path) -> None:
    catalog = load_catalog(ServingSettings((ServedModel("m", {1: ""}),), str(tmp_path)))
    with pytest.raises(ModelUnavailable):
        catalog.model("m").predictor(1)
    assert catalog.failures()[0].__traceback__ is None


def test_an_artifact_of_another_model_is_not_served(tmp_path: Path) -> None:
    digest = write_artifact(tmp_path, "m", 1, echo(), name="other")
    catalog = load_catalog(ServingSettings((ServedModel("m", {1: digest}),), str(tmp_path)))
    assert "belongs to model 'other'" in catalog.failures()[0].reason


def test_an_empty_catalog_is_ready() -> None:
    assert Catalog({}).ready()


def test_a_model_is_loaded_from_its_verified_bytes_where_its_file_can_change(
    tmp_path: Path,
) -> None:
    settings = settings_for(tmp_path, {"m": {1: times(2)}})
    (served,) = settings.models
    folder = tmp_path / "models/m/1"
    artifact = _read_version(served, 1, folder)
    (folder / "model.onnx").write_bytes(times(3))
    answer = open_onnx(artifact, 1).predict({"x": np.ones((1, 1), np.float32)})
    assert (artifact.file, answer["y"].tolist()) == (None, [[2]])


LAYER = """
import json, os
from pathlib import Path
from lading.functions.inference.loading.catalog import _fixed
model, mounted = Path("/opt/models/m/1/model.onnx"), Path("/opt/ml/model/models/m/1/model.onnx")
for each in (model, mounted):
    each.parent.mkdir(parents=True)
    each.touch()
before = str(_fixed(model))
assert os.system("mount -o remount,ro /opt") == 0
print(json.dumps([before, str(_fixed(model)), str(_fixed(mounted))]))
"""


def test_a_model_in_a_layer_that_nothing_can_write_is_loaded_from_its_file() -> None:
    own = ["unshare", "--mount", "--map-root-user", "sh", "-c", 'mount -t tmpfs none /opt && "$@"']
    command = [*own, "sh", sys.executable, "-c", LAYER]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    if subprocess.run([*own, "sh", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    done = subprocess.run(command, check=True, capture_output=True, env=environment)
    assert json.loads(done.stdout) == ["None", "/opt/models/m/1/model.onnx", "None"]
