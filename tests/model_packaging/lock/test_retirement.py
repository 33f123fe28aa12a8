import json
from datetime import date
from pathlib import Path

import pytest

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LockError, read_lock
from lading.model_packaging.lock.labels import move_label
from lading.model_packaging.lock.retirement import retire
from tests.model_packaging.lock.test_file import entry

TODAY = date(2026, 11, 29)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Three versions; `stable` was on each of them in turn."""
    path = tmp_path / "models.lock.json"
    for version in (1, 2, 3):
        record(path, "digits", version, entry(version), ["stable"])
    return path


def test_a_retired_version_leaves_its_number_and_digest_only(lock: Path) -> None:
    edit = retire(lock, "digits", 2, TODAY)
    document = json.loads(lock.read_text())["digits"]
    assert sorted(document["versions"]) == ["1", "3"]
    assert document["retired"] == {"2": {"digest": entry(2).digest, "date": "2026-11-29"}}
    assert document["earlier"] == {"stable": [1]}
    assert f'-        "digest": "{entry(2).digest}",' in edit.diff.splitlines()
    assert read_lock(lock) == edit.after


def test_its_number_and_digest_stay_known_to_packaging(lock: Path) -> None:
    move_label(lock, "digits", "stable", 1)
    retire(lock, "digits", 3, TODAY)
    assert read_lock(lock).digests("digits") == {at: entry(at).digest for at in (1, 2, 3)}
    with pytest.raises(LockError, match="version 3 of model 'digits' with digest"):
        record(lock, "digits", 3, entry(9), [])


def test_a_version_that_is_recorded_again_is_no_longer_retired(lock: Path) -> None:
    before = read_lock(lock).model("digits").versions
    retire(lock, "digits", 2, TODAY)
    record(lock, "digits", 2, entry(2), [])
    model = read_lock(lock).model("digits")
    assert (model.versions, model.retired) == (before, {})
    assert "retired" not in json.loads(lock.read_text())["digits"]


def test_a_labeled_version_is_not_retired(lock: Path) -> None:
    before = lock.read_bytes()
    with pytest.raises(LockError, match="label 'stable' on version 3") as caught:
        retire(lock, "digits", 3, TODAY)
    assert "`lading label digits stable VERSION`" in str(caught.value)
    assert "`lading label digits stable --remove`" in str(caught.value)
    assert lock.read_bytes() == before


def test_a_version_that_is_not_there_is_not_retired(lock: Path) -> None:
    retire(lock, "digits", 1, TODAY)
    for name, version in (("digits", 1), ("digits", 7), ("digit", 1)):
        with pytest.raises(LockError, match="has no"):
            retire(lock, name, version, TODAY)


def test_a_dry_run_writes_nothing(lock: Path) -> None:
    before = lock.read_bytes()
    shown = retire(lock, "digits", 1, TODAY, write=False)
    assert lock.read_bytes() == before
    assert retire(lock, "digits", 1, TODAY) == shown


def test_a_model_without_versions_is_no_longer_named(lock: Path) -> None:
    record(lock, "other", 1, entry(1), [])
    retire(lock, "other", 1, TODAY)
    assert read_lock(lock).names() == ["digits"]


def test_a_merge_that_labels_a_retired_version_says_so(lock: Path) -> None:
    retire(lock, "digits", 1, TODAY)
    lock.write_text(lock.read_text().replace('"stable": 3', '"stable": 1'))
    with pytest.raises(LockError, match="'stable' points at version 1, which is retired"):
        read_lock(lock)


def test_a_version_in_a_graph_is_not_retired_before_the_graph(lock: Path) -> None:
    for version, nodes in ((1, {"digits": 1}), (2, {"digits": 2})):
        graph = entry(version).model_copy(update={"nodes": nodes})
        record(lock, "both", version, graph, ["stable"])
    before = lock.read_bytes()
    with pytest.raises(LockError, match="has version 1 of graph 'both', which was tested with"):
        retire(lock, "digits", 1, TODAY)
    assert lock.read_bytes() == before
    retire(lock, "both", 1, TODAY)
    retire(lock, "digits", 1, TODAY)
    assert sorted(read_lock(lock).model("digits").versions) == [2, 3]
