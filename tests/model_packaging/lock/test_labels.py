from pathlib import Path

import pytest

from lading.model_packaging.lock.file import LockError, read_lock, record
from lading.model_packaging.lock.labels import MovedLabel, move_label
from tests.model_packaging.lock.test_file import entry


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Two versions of two models; the second version of each is stable."""
    path = tmp_path / "models.lock.json"
    for name in ("digits", "other"):
        for version in (1, 2):
            record(path, name, version, entry(version), ["stable"])
    return path


def test_a_label_moves_and_nothing_else_does(lock: Path) -> None:
    before = read_lock(lock)
    assert move_label(lock, "digits", "stable", 1) == MovedLabel("digits", "stable", 2, 1)
    after = read_lock(lock)
    assert after.model("digits").labels == {"stable": 1}
    assert after.model("digits").versions == before.model("digits").versions
    assert after.model("other") == before.model("other")


def test_a_label_that_moves_back_leaves_the_same_bytes(lock: Path) -> None:
    before = lock.read_bytes()
    move_label(lock, "digits", "stable", 1)
    assert lock.read_bytes() != before
    move_label(lock, "digits", "stable", 2)
    assert lock.read_bytes() == before


def test_a_new_label_is_made_and_one_is_removed(lock: Path) -> None:
    assert move_label(lock, "digits", "canary", 1).before is None
    assert read_lock(lock).model("digits").labels == {"stable": 2, "canary": 1}
    assert move_label(lock, "digits", "canary", None).before == 1
    assert read_lock(lock).model("digits").labels == {"stable": 2}


def test_a_label_that_is_there_already_writes_nothing(lock: Path) -> None:
    written = lock.stat().st_mtime_ns
    move_label(lock, "digits", "stable", 2)
    move_label(lock, "digits", "canary", None)
    assert lock.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("name", "label", "version", "reason"),
    [
        ("digits", "stable", 3, "no version 3 of model 'digits'; it has 1, 2"),
        ("digit", "stable", 1, "no model 'digit'; package it first"),
        ("digits", "a/b", 1, "cannot have the label 'a/b'"),
        ("digits", "", 1, "cannot have the label ''"),
    ],
)
def test_what_is_not_there_changes_nothing(
    lock: Path, name: str, label: str, version: int, reason: str
) -> None:
    before = lock.read_bytes()
    with pytest.raises(LockError, match=reason):
        move_label(lock, name, label, version)
    assert lock.read_bytes() == before
