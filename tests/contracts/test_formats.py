"""Artifacts of every kind, as packaging writes them since format 3, load and answer."""

import json
import shutil
from pathlib import Path
from typing import Any

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
from lading.functions.inference.graphs.predictor import open_here
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.tensors.conversion import Array, from_json
from tests.support.frameworks import needs

FORMATS = Path(__file__).parent / "formats"
DIGESTS = {
    "graph": "sha256:f5a3c89f8b0b7e55ad65eee0ad2b5851ba9ae8f932e4368451c9fa5c4f7ef23d",
    "image": "sha256:33cbc8549ad4137bb3121d496bd089bd06ef65a07177b8f3d841900ed5f32ee3",
    "tokens": "sha256:8a8a924bea52bf5c9016e84d155539ed793396010e9249986db19075c1bf398f",
    "signatures": "sha256:36c460dcbf49fc9b59ff423628bf437c1b32471fbeba55762e2df95f2b36a683",
    "native": "sha256:bddc58b3991a2c42fc7b209a9535d0f3ee76691e49c5db9d8c46b452f1d0e85c",
    "models": "sha256:31953891706dba5156192acf8fc24205091a156122902606b79af28871cac43e",
    "engine": "sha256:b9c21898b93996101fa4e84c745b327b1dce6b499da2b479d61ad7cf573c449e",
    "engine_steps": "sha256:1ce62bb7ae1dcdb1fc12e7962e75f8e28f634c426b252ee720689262d395945e",
}
IMAGE = pytest.param("image", marks=needs("processing", "PIL"))
TOKENS = pytest.param("tokens", marks=needs("processing", "tokenizers"))
NATIVE = pytest.param("native", marks=needs("boosting", "lightgbm"))
WITH_A_MODEL = ("graph", IMAGE, TOKENS, "signatures", "models", NATIVE)
WITH_AN_ENGINE = ("engine", "engine_steps")


@pytest.mark.parametrize("kind", WITH_AN_ENGINE)
def test_a_kept_artifact_names_every_file_of_its_engine(kind: str) -> None:
    artifact = read_artifact(FORMATS / kind, DIGESTS[kind])
    assert artifact.engine is not None
    assert (artifact.engine.name, artifact.model) == ("triton", b"")
    folder = FORMATS / kind / ENGINE
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


def test_a_kept_artifact_with_steps_before_its_engine_has_the_tensors_of_both() -> None:
    kind = "engine_steps"
    artifact = read_artifact(FORMATS / kind, DIGESTS[kind])
    assert artifact.engine is not None
    assert ([spec.name for spec in artifact.inputs], list(artifact.files)) == (
        ["texts"],
        ["process.py"],
    )
    assert [spec.name for spec in artifact.engine.inputs] == ["x"]
    assert [spec.name for spec in artifact.engine.outputs] == ["scores"]


@pytest.mark.parametrize("kind", WITH_A_MODEL)
def test_a_kept_artifact_answers_its_golden_requests(kind: str) -> None:
    predictor = open_here(read_artifact(FORMATS / kind, DIGESTS[kind]), 1)
    golden = json.loads((FORMATS / kind / GOLDEN).read_bytes())
    tolerance = golden["tolerance"]
    assert golden["requests"]
    for entry in golden["requests"]:
        answers = predictor.predict(
            {each["name"]: tensor(each) for each in entry["inputs"]},
            [each["name"] for each in entry["outputs"]],
        )
        for wanted in entry["outputs"]:
            found, said = answers[wanted["name"]], tensor(wanted)
            if found.dtype == object:
                assert found.tolist() == said.tolist()
            else:
                assert np.allclose(found, said, tolerance["relative"], tolerance["absolute"])


def tensor(document: dict[str, Any]) -> Array:
    return from_json(document["data"], document["name"], document["datatype"]).reshape(
        document["shape"]
    )


def test_every_format_version_has_its_artifact() -> None:
    assert {path.name for path in FORMATS.iterdir()} == set(DIGESTS)
    written = [read_artifact(FORMATS / kind).specification["format_version"] for kind in DIGESTS]
    assert set(written) == set(range(1, FORMAT_VERSION + 1))


def test_a_kept_artifact_of_several_signatures_answers_by_each() -> None:
    artifact = read_artifact(FORMATS / "signatures", DIGESTS["signatures"])
    found = open_onnx(artifact, 1).signatures
    assert list(found) == ["serving_default", "embed"]
    x = np.ones((2, 16), np.float32)
    hidden = found["embed"].predict({"x": x})["hidden"]
    assert hidden.shape == (2, 32)
    assert (hidden >= 0).all()


@pytest.mark.parametrize("key", ["environment", "archive", "inputs", "outputs"])
def test_an_engines_artifact_of_an_earlier_layout_must_be_packaged_again(
    tmp_path: Path, key: str
) -> None:
    folder = shutil.copytree(FORMATS / "engine", tmp_path / "engine")
    document = json.loads((folder / SPECIFICATION).read_bytes())
    del document["engine"][key]
    (folder / SPECIFICATION).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ArtifactCorrupt, match="package the model again"):
        read_artifact(folder)


@pytest.mark.parametrize("option", ["prompt", "truncation"])
@pytest.mark.parametrize("kind", [TOKENS])
def test_a_step_without_an_option_that_packaging_writes_must_be_packaged_again(
    kind: str, option: str
) -> None:
    artifact = read_artifact(FORMATS / kind)
    options = dict(artifact.specification["processing"][0])
    del options[option]
    with pytest.raises(ValueError, match="package the model again"):
        make_step(options, artifact.files)


@pytest.mark.parametrize("file", [SPECIFICATION, MODEL, GOLDEN])
def test_a_tampered_copy_does_not_load(tmp_path: Path, file: str) -> None:
    folder = shutil.copytree(FORMATS / "graph", tmp_path / "graph")
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(ArtifactCorrupt):
        read_artifact(folder, DIGESTS["graph"])


@pytest.mark.parametrize("file", [SPECIFICATION, MODEL, GOLDEN])
def test_a_copy_without_a_file_does_not_load(tmp_path: Path, file: str) -> None:
    folder = shutil.copytree(FORMATS / "graph", tmp_path / "graph")
    (folder / file).unlink()
    with pytest.raises(ArtifactMissing):
        read_artifact(folder, DIGESTS["graph"])


def test_a_newer_copy_does_not_load_and_says_what_to_do(tmp_path: Path) -> None:
    folder = shutil.copytree(FORMATS / "graph", tmp_path / "graph")
    document = json.loads((folder / SPECIFICATION).read_bytes())
    newer = {**document, "format_version": FORMAT_VERSION + 1}
    (folder / SPECIFICATION).write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(ArtifactTooNew, match="upgrade Lading"):
        read_artifact(folder)
