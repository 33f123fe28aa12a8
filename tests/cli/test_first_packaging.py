from pathlib import Path

import pytest

from lading.cli.first_packaging import package_first
from lading.model_packaging.errors import FileMissing
from lading.model_packaging.lock.file import read_lock
from tests.cli.conftest import MANIFEST, Lading
from tests.support.worlds import times


def first(folder: Path, *names: str) -> list[str]:
    package_first(folder / "models.yaml", folder / "models.lock.json", names)
    return list(read_lock(folder / "models.lock.json").names())


def test_a_project_without_versions_is_packaged(workspace: Path) -> None:
    assert first(workspace) == ["double"]
    assert (workspace / "artifacts/models/double/1/model.onnx").is_file()


def test_only_the_named_models_are(workspace: Path) -> None:
    (workspace / "models.yaml").write_text(f"{MANIFEST}  triple:\n    source: missing.onnx\n")
    assert first(workspace, "double") == ["double"]


def test_a_project_with_a_version_is_left_alone(packaged: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(times(3))
    first(workspace)
    assert [*read_lock(workspace / "models.lock.json").model("double").versions] == [1]
    assert packaged("versions", "double").code == 0


def test_without_a_manifest_there_is_nothing_to_package(tmp_path: Path) -> None:
    assert first(tmp_path) == []


def test_an_error_ends_it(workspace: Path) -> None:
    (workspace / "double.onnx").unlink()
    with pytest.raises(FileMissing):
        first(workspace)
