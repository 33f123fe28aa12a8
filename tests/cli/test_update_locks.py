"""The locks before and after an update that is rehearsed."""

import json
from pathlib import Path

import pytest
import typer

from lading.cli.update_locks import plan_update, updatable_model
from lading.model_packaging.lock.file import LocalCopy, LockError, read_lock, version_folder
from lading.model_packaging.lock.labels import NoEarlierVersion
from tests.cli.conftest import Lading
from tests.support.worlds import times


@pytest.fixture
def lock(packaged: Lading, workspace: Path) -> Path:
    """Version 2 is stable, and version 1 was before."""
    (workspace / "double.onnx").write_bytes(times(3))
    assert packaged("package").code == 0
    return workspace / "models.lock.json"


def stable(lock: Path) -> int:
    return read_lock(lock).model("double").labels["stable"]


def test_the_update_is_to_the_stable_version_from_the_one_before(
    lock: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = lock.read_bytes()
    elsewhere = tmp_path_factory.mktemp("locks")
    assert updatable_model(["double"], lock, None) == "double"
    update = plan_update(lock, elsewhere, "double", None)
    assert (update.old, update.new) == (stable(update.before), stable(update.after)) == (1, 2)
    assert lock.read_bytes() == content
    for path in (update.before, update.after):
        for version, entry in read_lock(path).model("double").versions.items():
            assert version_folder(path, "double", version).is_dir()
            assert all(isinstance(copy, LocalCopy) for copy in entry.stores)


def test_a_version_can_be_named(
    lock: Path, packaged: Lading, tmp_path_factory: pytest.TempPathFactory
) -> None:
    packaged("rollback", "double")
    elsewhere = tmp_path_factory.mktemp("locks")
    with pytest.raises(NoEarlierVersion, match="choose one of 2 with --to"):
        plan_update(lock, elsewhere, "double", None)
    update = plan_update(lock, elsewhere, "double", 2)
    assert (update.old, update.new, stable(lock)) == (1, 2, 1)
    with pytest.raises(LockError, match="has no version 9 of model 'double'; it has 1, 2"):
        plan_update(lock, elsewhere, "double", 9)
    with pytest.raises(typer.BadParameter, match="is on version 1 before; name another one"):
        plan_update(lock, elsewhere, "double", 1)


def test_where_nothing_can_be_updated_the_text_says_what_to_name(
    packaged: Lading, workspace: Path
) -> None:
    lock = workspace / "models.lock.json"
    assert packaged("versions").code == 0
    with pytest.raises(typer.BadParameter, match="name the next version with --to"):
        updatable_model(["double"], lock, None)


def test_a_model_with_an_endpoint_cannot_be_rehearsed(lock: Path, tmp_path: Path) -> None:
    other = {"target": "sagemaker", "engine": {"name": "triton", "digest": "e" * 64}}
    text = read_lock(lock).model_dump(mode="json")
    text["double"]["versions"]["2"].update(other)
    changed = tmp_path / "changed.lock.json"
    changed.write_text(json.dumps(text))
    with pytest.raises(typer.BadParameter, match="version 2 of 'double' has an endpoint"):
        plan_update(changed, tmp_path, "double", None)
