import json
from pathlib import Path

import pytest

from lading.api.errors import NothingLocked, NotServable
from lading.api.locked import chosen_version, served_settings
from tests.cli.conftest import Lading


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
