import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from lading.model_packaging.lock.edits import LockEdit, record
from lading.model_packaging.lock.file import LockError, read_lock
from lading.model_packaging.lock.labels import (
    MovedLabel,
    NoEarlierVersion,
    move_label,
    moved_label,
    roll_back,
)
from lading.model_packaging.lock.retirement import retire
from tests.model_packaging.lock.test_file import entry
from tests.support.interpreter import ROOT


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


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Five versions; `stable` was on 1, 2, 4 and is on 5, and `canary` is on 3."""
    path = tmp_path / "models.lock.json"
    for version in (1, 2, 3, 4, 5):
        labels = ["canary"] if version == 3 else ["stable"]
        record(path, "digits", version, entry(version), labels)
    return path


def stable(path: Path) -> int:
    return read_lock(path).model("digits").labels["stable"]


def test_a_rollback_returns_to_the_version_that_the_label_left(history: Path) -> None:
    for before, after in ((5, 4), (4, 2), (2, 1)):
        edit = roll_back(history, "digits", "stable")
        assert moved_label(edit, "digits", "stable") == MovedLabel(
            "digits", "stable", before, after
        )
        assert stable(history) == after
    before_ = history.read_bytes()
    with pytest.raises(NoEarlierVersion, match="'stable' was before 1; choose one of 2, 3, 4, 5"):
        roll_back(history, "digits", "stable")
    assert history.read_bytes() == before_


def test_a_rollback_to_a_version_forgets_what_came_after_it(history: Path) -> None:
    roll_back(history, "digits", "stable", 2)
    assert read_lock(history).model("digits").earlier == {"stable": (1,)}
    move_label(history, "digits", "stable", 5)
    roll_back(history, "digits", "stable")
    assert stable(history) == 2


def test_a_rollback_to_a_version_that_never_had_the_label_can_be_undone(history: Path) -> None:
    roll_back(history, "digits", "stable", 3)
    assert stable(history) == 3
    roll_back(history, "digits", "stable")
    assert stable(history) == 5


def test_a_rollback_moves_one_label_only(history: Path) -> None:
    move_label(history, "digits", "canary", 4)
    roll_back(history, "digits", "canary")
    assert read_lock(history).model("digits").labels == {"stable": 5, "canary": 3}


def test_a_retired_version_is_skipped(history: Path) -> None:
    retire(history, "digits", 4, date(2026, 11, 29))
    roll_back(history, "digits", "stable")
    assert stable(history) == 2


def test_a_version_that_a_merge_lost_is_skipped(history: Path) -> None:
    document = json.loads(history.read_text())
    del document["digits"]["versions"]["4"]
    history.write_text(json.dumps(document))
    roll_back(history, "digits", "stable")
    assert stable(history) == 2


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("canary", "'canary' was before 3; choose one of 1, 2, 4, 5 with --to"),
        ("absent", "has no label 'absent' of model 'digits'; it has canary, stable"),
    ],
)
def test_a_rollback_without_an_earlier_version_says_what_to_do(
    history: Path, label: str, reason: str
) -> None:
    with pytest.raises(NoEarlierVersion, match=reason):
        roll_back(history, "digits", label)


def test_the_only_version_has_none_before_it(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(1), ["stable"])
    with pytest.raises(NoEarlierVersion, match="it is the only version"):
        roll_back(path, "digits", "stable")


def test_a_rollback_that_is_not_written_shows_the_same_diff(history: Path) -> None:
    before = history.read_bytes()
    shown = roll_back(history, "digits", "stable", write=False)
    assert history.read_bytes() == before
    assert roll_back(history, "digits", "stable") == shown
    changed = [line for line in shown.diff.splitlines() if line[0] in "+-"]
    assert changed[:2] == ["--- a/models.lock.json", "+++ b/models.lock.json"]
    assert '+      "stable": 4' in changed


def test_the_diff_is_what_git_would_apply(history: Path) -> None:
    before = history.read_text()
    edit = roll_back(history, "digits", "stable")
    after = history.read_text()
    history.write_text(before)
    subprocess.run(
        ["git", "apply", "-"], cwd=history.parent, input=edit.diff, text=True, check=True
    )
    assert history.read_text() == after


def test_a_label_remembers_its_last_ten_versions(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    for version in range(1, 14):
        record(path, "digits", version, entry(version), ["stable"])
    assert read_lock(path).model("digits").earlier == {"stable": tuple(range(3, 13))}


ROLL_BACK = """
import sys
from pathlib import Path
from lading.model_packaging.lock.labels import roll_back
for _ in range(3):
    roll_back(Path(sys.argv[1]), "digits", sys.argv[2])
"""


def test_rollbacks_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    for version in range(1, 8):
        record(path, "digits", version, entry(version), ["stable", "canary"])
    running = [
        subprocess.Popen([sys.executable, "-c", ROLL_BACK, str(path), label], cwd=ROOT)
        for label in ("stable", "canary", "stable")
    ]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert read_lock(path).model("digits").labels == {"stable": 1, "canary": 4}


def test_an_edit_of_nothing_has_no_diff(history: Path) -> None:
    edit = roll_back(history, "digits", "stable", 5)
    assert isinstance(edit, LockEdit)
    assert edit.diff == ""
    assert edit.before == edit.after
