"""Artifacts of every format version that was ever published still load."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lading.functions.contract.errors import ArtifactCorrupt, ArtifactMissing, ArtifactTooNew
from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import (
    ENGINE,
    FORMAT_VERSION,
    GOLDEN,
    MODEL,
    SPECIFICATION,
    EngineFile,
)
from lading.functions.inference.models.onnx_predictor import OnnxPredictor
from lading.functions.inference.tensors.conversion import DTYPES

FORMATS = Path(__file__).parent / "formats"
DIGESTS = {
    "v1": "sha256:9d1a46ae8f2477bc2a795e801f80740ce2e80d6ebd91ab6667287a97146edf1a",
    "v1_signatures": "sha256:97a0d95ebe7fdfb129c6850d25f6f68a6134d2344104089c057ad8820ab822f2",
    "v2": "sha256:44c16f0f329a559de5fd2418557330573a60fda3835051281e97b8873a3cf848",
    "v3": "sha256:3e13284d4230be204301da688e849bb301d7820cea212f7637aba2134c861f4a",
}
WITH_A_MODEL = ("v1", "v1_signatures")
WITH_AN_ENGINE = ("v2", "v3")


@pytest.mark.parametrize("version", WITH_AN_ENGINE)
def test_an_old_artifact_names_every_file_of_its_engine(version: str) -> None:
    artifact = read_artifact(FORMATS / version, DIGESTS[version])
    assert artifact.engine is not None
    assert (artifact.engine.name, artifact.model) == ("triton", b"")
    folder = FORMATS / version / ENGINE
    found = {
        path.relative_to(folder).as_posix(): EngineFile(
            sha256(path.read_bytes()), path.stat().st_size
        )
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert artifact.engine.files == found
    assert artifact.golden is not None
    assert artifact.inputs


def test_an_old_artifact_with_steps_before_its_engine_tells_both_signatures() -> None:
    artifact = read_artifact(FORMATS / "v3", DIGESTS["v3"])
    assert artifact.engine is not None
    assert ([spec.name for spec in artifact.inputs], list(artifact.files)) == (
        ["texts"],
        ["process.py"],
    )
    assert [spec.name for spec in artifact.engine.inputs] == ["x"]
    assert [spec.name for spec in artifact.engine.outputs] == ["scores"]


@pytest.mark.parametrize("version", WITH_A_MODEL)
def test_an_old_artifact_loads_and_answers_its_golden_requests(version: str) -> None:
    artifact = read_artifact(FORMATS / version, DIGESTS[version])
    golden = json.loads((FORMATS / version / GOLDEN).read_bytes())
    tolerance = golden["tolerance"]
    for entry in golden["requests"]:
        inputs = {
            each["name"]: np.array(each["data"], DTYPES[each["datatype"]]).reshape(each["shape"])
            for each in entry["inputs"]
        }
        answers = OnnxPredictor(artifact, 1).predict(inputs)
        for wanted in entry["outputs"]:
            found = answers[wanted["name"]].ravel()
            assert np.allclose(found, wanted["data"], tolerance["relative"], tolerance["absolute"])


def test_every_format_version_has_its_artifact() -> None:
    assert {path.name for path in FORMATS.iterdir()} == set(DIGESTS)
    wanted = {f"v{version}" for version in range(1, FORMAT_VERSION + 1)}
    assert {version.partition("_")[0] for version in DIGESTS} == wanted


def test_an_old_artifact_of_several_signatures_answers_by_each() -> None:
    artifact = read_artifact(FORMATS / "v1_signatures", DIGESTS["v1_signatures"])
    found = OnnxPredictor(artifact, 1).signatures
    assert list(found) == ["serving_default", "embed", "serve"]
    x = np.ones((2, 16), np.float32)
    hidden = found["embed"].predict({"x": x})["hidden"]
    assert hidden.shape == (2, 32)
    assert (hidden >= 0).all()
    scores = found["serve"].predict({"x": x})["scores"]
    assert (scores == found["serving_default"].predict({"x": x})["scores"]).all()


@pytest.mark.parametrize("file", [SPECIFICATION, MODEL, GOLDEN])
def test_a_tampered_copy_does_not_load(tmp_path: Path, file: str) -> None:
    folder = shutil.copytree(FORMATS / "v1", tmp_path / "v1")
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(ArtifactCorrupt):
        read_artifact(folder, DIGESTS["v1"])


@pytest.mark.parametrize("file", [SPECIFICATION, MODEL, GOLDEN])
def test_a_copy_without_a_file_does_not_load(tmp_path: Path, file: str) -> None:
    folder = shutil.copytree(FORMATS / "v1", tmp_path / "v1")
    (folder / file).unlink()
    with pytest.raises(ArtifactMissing):
        read_artifact(folder, DIGESTS["v1"])


def test_a_newer_copy_does_not_load_and_says_what_to_do(tmp_path: Path) -> None:
    folder = shutil.copytree(FORMATS / "v1", tmp_path / "v1")
    document = json.loads((folder / SPECIFICATION).read_bytes())
    newer = {**document, "format_version": FORMAT_VERSION + 1}
    (folder / SPECIFICATION).write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(ArtifactTooNew, match="upgrade Lading"):
        read_artifact(folder)
