import json
from pathlib import Path

import pytest

from lading.api.errors import NothingLocked, NotServable
from lading.api.locked import chosen_version, served_settings
from lading.cli.splits import splits_of_stage
from lading.functions.contract.split import VersionSplit
from tests.cli.conftest import Lading
from tests.support.worlds import times

STAGES = """
stages:
  dev:
    models:
      double: {split: {versions: {stable: 90, 2: 10}, key: X-User-Id}}
"""


def test_the_default_version_is_the_stable_one_else_the_newest(
    packaged: Lading, workspace: Path
) -> None:
    lock = workspace / "models.lock.json"
    assert chosen_version(lock, "double") == chosen_version(lock, "double", label="stable") == 1
    packaged("label", "double", "stable", "--remove")
    assert chosen_version(lock, "double") == 1
    with pytest.raises(NothingLocked, match="version 2 of model 'double'"):
        chosen_version(lock, "double", version=2)
    with pytest.raises(NothingLocked, match="model 'double' labeled 'stable'"):
        chosen_version(lock, "double", label="stable")


def test_versions_in_different_stores_cannot_be_served_together(
    packaged: Lading, workspace: Path
) -> None:
    lock = workspace / "models.lock.json"
    document = json.loads(lock.read_text())
    (workspace / "artifacts").rename(workspace / "elsewhere")
    other = json.loads(json.dumps(document["double"]).replace('"artifacts"', '"elsewhere"'))
    for store in ("artifacts", "elsewhere"):
        (workspace / store / "models" / "double" / "1").mkdir(parents=True, exist_ok=True)
        (workspace / store / "models" / "triple" / "1").mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"double": document["double"], "triple": other}))
    with pytest.raises(NotServable, match="the versions are in several stores"):
        served_settings(lock, ())


@pytest.fixture
def two_versions(packaged: Lading, workspace: Path) -> Path:
    """A lock with version 1, which is stable, and version 2, which triples."""
    (workspace / "double.onnx").write_bytes(times(3))
    assert packaged("package").code == 0
    packaged("label", "double", "stable", "1")
    return workspace / "models.lock.json"


def test_versions_of_a_split_are_served_even_without_a_label(two_versions: Path) -> None:
    assert [*served_settings(two_versions, ()).models[0].versions] == [1]
    stages = two_versions.parent / "stages.yaml"
    stages.write_text(STAGES)
    settings = served_settings(two_versions, (), split_of=splits_of_stage(stages, "dev"))
    (model,) = settings.models
    assert [*model.versions] == [1, 2]
    assert model.split == VersionSplit({1: 90, 2: 10}, "x-user-id")
    assert settings.note_answers


def test_a_split_of_versions_that_are_not_there_names_the_model(
    packaged: Lading, workspace: Path
) -> None:
    (workspace / "stages.yaml").write_text(STAGES)
    refused = packaged("serve", "--port", "0")
    assert refused.code == 2
    assert (
        "model 'double': its `split` names version 2, which the lock does not have" in refused.err
    )
