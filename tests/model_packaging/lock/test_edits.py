import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LocalCopy, LockError, read_lock, render_lock
from tests.model_packaging.lock.test_file import entry, large, remote
from tests.support.interpreter import ROOT


def test_labels_move_and_others_stay_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(1), ["stable", "old"])
    record(path, "iris", 1, entry(5), ["stable"])
    lock = record(path, "digits", 2, entry(2), ["stable", "canary"])
    assert lock.model("digits").labels == {"stable": 2, "old": 1, "canary": 2}
    assert lock.model("iris").labels == {"stable": 1}
    assert record(path, "digits", 1, entry(1), []).model("digits").labels["stable"] == 2


def test_recording_the_same_again_leaves_the_file_untouched(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(), ["stable"])
    before = path.stat()
    record(path, "digits", 1, entry(), ["stable"])
    assert path.stat().st_ino == before.st_ino


def test_another_copy_of_a_version_is_added_to_its_stores(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(path="here"), [])
    lock = record(path, "digits", 1, entry(path="there"), [])
    there = (LocalCopy(path="here"), LocalCopy(path="there"))
    assert lock.model("digits").versions[1].stores == there


def test_an_object_published_again_takes_the_place_of_its_former_version(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    for version_id in ("one", "two"):
        copy = entry().model_copy(update={"stores": (remote(version_id),)})
        lock = record(path, "digits", 1, copy, [])
    assert lock.model("digits").versions[1].stores == (remote("two"),)


def test_images_of_another_region_are_added_and_a_known_regions_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    for region, image in (("eu-west-1", "one"), ("us-east-1", "two"), ("eu-west-1", "three")):
        lock = record(path, "digits", 1, large(region, image), [])
    engine = lock.model("digits").versions[1].engine
    assert engine is not None
    assert engine.images == {"eu-west-1": "three", "us-east-1": "two"}


def test_an_ami_stays_with_its_image_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    for written in (
        large("eu-west-1", "one", "old"),
        large("us-east-1", "two", "other"),
        large("eu-west-1", "of unknown CUDA"),
    ):
        lock = record(path, "digits", 1, written, [])
    engine = lock.model("digits").versions[1].engine
    assert engine is not None
    assert engine.amis == {"us-east-1": "other"}
    assert read_lock(path) == lock


def test_a_version_never_changes_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(1), ["stable"])
    before = path.read_bytes()
    with pytest.raises(LockError, match="version 1 of model 'digits' with digest"):
        record(path, "digits", 1, entry(2), ["stable"])
    assert path.read_bytes() == before


def test_a_lock_in_an_impossible_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LockError, match="cannot be written"):
        record(tmp_path / "file" / "models.lock.json", "digits", 1, entry(), [])


WRITE = """
import sys
from pathlib import Path
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LocalCopy, LockedVersion
path, first = Path(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 20):
    text = f"sha256:{number:064x}"
    copy = LocalCopy(path="artifacts")
    record(path, "digits", number, LockedVersion(identity=text, digest=text, stores=(copy,)), [])
"""


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(path), str(first)], cwd=ROOT)
        for first in (1, 101)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    lock = read_lock(path)
    assert set(lock.digests("digits")) == {*range(1, 21), *range(101, 121)}
    assert path.read_bytes() == render_lock(lock)
