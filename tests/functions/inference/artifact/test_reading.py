"""An artifact is read whole and verified, or not at all; errors name files below `models/`."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.errors import (
    ArtifactCorrupt,
    ArtifactError,
    ArtifactMissing,
    ArtifactTooNew,
)
from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import (
    MODEL,
    SPECIFICATION,
    EngineFile,
    TensorSpec,
)
from tests.support.worlds import echo, write_artifact


def folder_of(root: Path, **changes: Any) -> Path:
    write_artifact(root, "m", 1, echo(), **changes)
    return root / "models" / "m" / "1"


def test_an_artifact_is_read_with_its_signature_and_the_bytes_that_were_verified(
    tmp_path: Path,
) -> None:
    digest = write_artifact(tmp_path, "m", 1, echo(), framework="onnx")
    artifact = read_artifact(tmp_path / "models" / "m" / "1", digest)
    assert (artifact.name, artifact.digest, artifact.model) == ("m", digest, echo())
    assert artifact.inputs == (TensorSpec("x", "FP32", (-1, 2)),)
    assert artifact.specification["framework"] == "onnx"


def test_a_tensor_specification_survives_json() -> None:
    spec = TensorSpec("x", "BYTES", (-1, 3))
    assert TensorSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_flipped_byte_of_the_model_is_found(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    content = bytearray((folder / MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL).write_bytes(content)
    with pytest.raises(ArtifactCorrupt, match=r"^models/m/1/model\.onnx has digest"):
        read_artifact(folder)


def test_a_specification_that_the_lock_does_not_pin_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with pytest.raises(ArtifactCorrupt, match=r"^models/m/1/artifact\.json .* the lock states"):
        read_artifact(folder, sha256(b"another"))


@pytest.mark.parametrize("name", [MODEL, SPECIFICATION])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ArtifactMissing, match=f"^models/m/1/{name} is missing"):
        read_artifact(folder)


def test_a_newer_format_says_both_versions(tmp_path: Path) -> None:
    with pytest.raises(ArtifactTooNew, match="format version 6 and this Lading reads up to 5"):
        read_artifact(folder_of(tmp_path, format_version=6))


def test_a_newer_format_is_told_even_when_nothing_else_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(ArtifactTooNew):
        read_artifact(folder_of(tmp_path, format_version=9, inputs="elsewhere now"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format_version": 0}, "invalid format version 0"),
        ({"format_version": True}, "invalid format version True"),
        ({"format_version": 1e400}, "invalid format version inf"),
        ({"format_version": "1"}, "invalid format version '1'"),
        ({"inputs": [{"name": "x"}]}, "KeyError"),
        ({"inputs": None}, "TypeError"),
        ({"outputs": [{"name": "y", "datatype": "FP32", "shape": [1e400]}]}, "OverflowError"),
        ({"files": []}, "AttributeError"),
        ({"files": {}}, "must name model.onnx or an engine"),
        ({"files": {MODEL: "sha256:0", "../secret": "sha256:0"}}, "has digest|outside"),
        ({"files": {"../secret": "sha256:0", MODEL: "sha256:0"}}, "names a file outside"),
        ({"name": "../up"}, "invalid model name"),
    ],
)
def test_a_misstated_specification_is_corrupt(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ArtifactCorrupt, match=reason):
        read_artifact(folder_of(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"[" * 100_000, b"{}", b" " * (1 << 21)])
def test_a_specification_that_is_none_is_corrupt(tmp_path: Path, content: bytes) -> None:
    folder = folder_of(tmp_path)
    (folder / SPECIFICATION).write_bytes(content)
    with pytest.raises(ArtifactCorrupt):
        read_artifact(folder)


def test_no_error_tells_where_the_models_lie(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, files={MODEL: "sha256:0"})
    with pytest.raises(ArtifactError) as caught:
        read_artifact(folder)
    assert str(tmp_path) not in str(caught.value)


FILE = {"digest": sha256(b""), "bytes": 0}


BARE: dict[str, Any] = {"name": "triton", "options": {}, "environment": {}, "archive": False}


def engine(**files: Any) -> dict[str, Any]:
    tensors = {side: [TensorSpec("x", "FP32", (-1,)).to_json()] for side in ("inputs", "outputs")}
    document = {**BARE, "options": {"max_batch_size": 8}, "files": files, **tensors}
    return {"format_version": 2, "files": {}, "engine": document}


def test_an_engines_artifact_has_its_list_of_files_and_no_model(tmp_path: Path) -> None:
    artifact = read_artifact(folder_of(tmp_path, **engine(**{"model/config.pbtxt": FILE})))
    assert artifact.model == b""
    assert artifact.engine is not None
    assert (artifact.engine.name, artifact.engine.options) == ("triton", {"max_batch_size": 8})
    assert artifact.engine.files == {"model/config.pbtxt": EngineFile(sha256(b""), 0)}


def test_an_artifact_of_the_first_format_has_no_engine(tmp_path: Path) -> None:
    changes = engine(a=FILE) | {"format_version": 1, "files": {MODEL: sha256(echo())}}
    assert read_artifact(folder_of(tmp_path, **changes)).engine is None


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb"]
)
def test_an_engines_file_stays_below_its_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(ArtifactCorrupt, match="ValueError"):
        read_artifact(folder_of(tmp_path, **engine(**{path: FILE})))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"engine": {**BARE, "files": []}}, "AttributeError"),
        ({"engine": {**BARE, "files": {}}}, "package the model again"),
        *(
            ({"engine": {**engine()["engine"], key: None}}, "TypeError")
            for key in ("options", "environment", "inputs")
        ),
        ({"engine": {"name": "triton", "files": {}}}, "KeyError"),
        ({"engine": None}, "TypeError"),
        (engine(a={"digest": "sha256:"}), "KeyError"),
        (engine(a={"digest": "sha256:", "bytes": -1}), "ValueError"),
        ({"files": {MODEL: sha256(echo())}}, "and not both"),
    ],
)
def test_a_broken_list_of_an_engines_files_is_one_clear_error(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ArtifactCorrupt, match=reason):
        read_artifact(folder_of(tmp_path, **engine() | changes))
