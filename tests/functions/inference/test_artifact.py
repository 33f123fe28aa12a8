"""An artifact is read whole and verified, or not at all; errors name files below `models/`."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.inference.artifact import MODEL, SPECIFICATION, TensorSpec, read_artifact, sha256
from functions.inference.errors import (
    ArtifactCorrupt,
    ArtifactError,
    ArtifactMissing,
    ArtifactTooNew,
)
from tests.worlds import echo, write_artifact


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
    with pytest.raises(ArtifactCorrupt, match=r"^models/m/1/artifact\.json .* the lock says"):
        read_artifact(folder, sha256(b"another"))


@pytest.mark.parametrize("name", [MODEL, SPECIFICATION])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ArtifactMissing, match=f"^models/m/1/{name} is missing"):
        read_artifact(folder)


def test_a_newer_format_says_both_versions(tmp_path: Path) -> None:
    with pytest.raises(ArtifactTooNew, match="format version 2 and this Lading reads up to 1"):
        read_artifact(folder_of(tmp_path, format_version=2))


def test_a_newer_format_is_told_even_when_nothing_else_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(ArtifactTooNew):
        read_artifact(folder_of(tmp_path, format_version=9, inputs="elsewhere now"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format_version": 0}, "impossible format version 0"),
        ({"format_version": True}, "impossible format version True"),
        ({"format_version": 1e400}, "impossible format version inf"),
        ({"format_version": "1"}, "impossible format version '1'"),
        ({"inputs": [{"name": "x"}]}, "KeyError"),
        ({"inputs": None}, "TypeError"),
        ({"outputs": [{"name": "y", "datatype": "FP32", "shape": [1e400]}]}, "OverflowError"),
        ({"files": []}, "AttributeError"),
        ({"files": {}}, "names no model.onnx"),
        ({"files": {MODEL: "sha256:0", "../secret": "sha256:0"}}, "has digest|outside"),
        ({"files": {"../secret": "sha256:0", MODEL: "sha256:0"}}, "names a file outside"),
        ({"name": "../up"}, "impossible model name"),
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
