"""What is removed, and what stays, in every store."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LockError, read_lock
from lading.model_packaging.lock.retirement import retire
from lading.model_packaging.store.contents import Stored
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.garbage import Retention, collect
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.versions import Store, open_store
from tests.conftest import Bucket
from tests.model_packaging.collecting import collected, lock_version, prepare
from tests.model_packaging.stores import S3, Folder, Place, contents, digest, files, large
from tests.support.interpreter import ROOT
from tests.support.refusing_server import refusing
from tests.support.s3 import aws

TODAY = datetime.now(UTC).date()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "models.lock.json"


def publish(store: Store, lock: Path, *versions: int) -> None:
    """Publish versions of digits, and record them in the lock."""
    for version in versions:
        built = Built(files(b"%d" % version, str(version)))
        store.place("digits", version, built)
        lock_version(store, lock, version, built.digest)


def held(store: Store, name: str = "digits") -> list[int]:
    return sorted(each.version for each in store.contents(name) if each.version is not None)


def test_a_locked_version_is_never_removed(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1, 2)
    assert collected(place.store(), lock, days=10_000) == []
    assert place.store().open("digits", 1).artifact.model == b"1"
    assert held(place.store()) == [1, 2]


def test_a_retired_version_is_removed_once_and_its_size_is_known(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1, 2)
    retire(lock, "digits", 1, TODAY)
    removed = collected(place.store(), lock)
    assert {each.stored.version for each in removed} == {1, None} - (
        {None} if isinstance(place, Folder) else set()
    )
    assert sum(each.stored.bytes for each in removed) > len(files()["golden.json"])
    assert held(place.store()) == [2]
    assert collected(place.store(), lock) == []
    assert place.store().open("digits", 2, digest(files(b"2", "2"))).artifact.model == b"2"


def test_without_delete_everything_stays(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1, 2)
    retire(lock, "digits", 1, TODAY)
    retention = Retention(lock, (), datetime.now(UTC).replace(year=2999))
    [version, *_] = collect((), place.store(), retention, delete=False)
    assert (version.stored.version, version.kept) == (1, "")
    assert held(place.store()) == [1, 2]


def test_what_was_published_or_retired_lately_stays(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1, 2, 3)
    retire(lock, "digits", 1, TODAY.replace(year=2000))
    retire(lock, "digits", 2, TODAY.replace(year=2999))
    for days, staying in ((-1, [1, 2, 3]), (2, [2, 3])):
        kept = [each for each in collected(place.store(), lock, days=days) if each.kept]
        assert all("published or retired on" in each.kept for each in kept)
        assert held(place.store()) == staying


def test_a_version_newer_than_the_lock_stays(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 2)
    for version in (1, 3, 4):
        place.store().place("digits", version, Built(files(b"other", f"other {version}")))
    found = {each.stored.version: each.kept for each in collected(place.store(), lock)}
    assert found.pop(1) == ""
    assert all("newer than every version of the lock" in found[version] for version in (3, 4))
    assert held(place.store()) == [2, 3, 4]


def test_the_newest_version_is_removed_after_it_was_retired(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1, 2)
    retire(lock, "digits", 2, TODAY)
    collected(place.store(), lock)
    assert held(place.store()) == [1]
    pinned = read_lock(lock).digests("digits")
    assert place.store().publish("digits", Built(files(b"new", "new")), pinned) == 3
    assert place.store().publish("digits", Built(files(b"2", "2")), pinned) == 2


def test_a_version_of_another_lock_stays(place: Place, lock: Path, tmp_path: Path) -> None:
    publish(place.store(), lock, 1, 2)
    other = tmp_path / "other.lock.json"
    other.write_bytes(lock.read_bytes())
    retire(lock, "digits", 1, TODAY)
    assert collected(place.store(), lock, other) == []
    assert held(place.store()) == [1, 2]


@pytest.mark.parametrize("missing", ["models.lock.json", "other.lock.json"])
def test_a_lock_that_is_missing_or_broken_removes_nothing(
    place: Place, lock: Path, tmp_path: Path, missing: str
) -> None:
    publish(place.store(), lock, 1, 2)
    retire(lock, "digits", 1, TODAY)
    other = tmp_path / "other.lock.json"
    other.write_bytes(lock.read_bytes())
    (tmp_path / missing).unlink()
    with pytest.raises(LockError, match=rf"{missing} does not exist; correct its path"):
        collected(place.store(), lock, other)
    (tmp_path / missing).write_text("{")
    with pytest.raises(LockError, match="is not JSON"):
        collected(place.store(), lock, other)
    assert held(place.store()) == [1, 2]


def test_a_version_in_a_graph_stays_whichever_lock_has_the_graph(
    place: Place, lock: Path, tmp_path: Path
) -> None:
    publish(place.store(), lock, 1, 2, 3)
    other = tmp_path / "other.lock.json"
    part = read_lock(lock).model("digits").versions[1]
    for version in (1, 2):
        retire(lock, "digits", version, TODAY)
    record(other, "graph", 7, part.model_copy(update={"nodes": {"digits": 1}}), [])
    kept = [each for each in collected(place.store(), lock, other) if each.kept]
    assert [(it.stored.version, it.kept) for it in kept] == [
        (1, "version 7 of graph 'graph' was tested with it")
    ]
    assert place.store().open("digits", 1).artifact.model == b"1"
    assert held(place.store()) == [1, 3]


def test_models_that_the_lock_never_had_are_not_touched(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1)
    document = json.loads(files()["artifact.json"]) | {"name": "iris"}
    place.put("iris", 1, files() | {"artifact.json": json.dumps(document).encode()})
    assert collected(place.store(), lock) == []
    retention = Retention(lock, (), datetime.now(UTC).replace(year=2999))
    assert list(collect(["iris"], place.store(), retention, delete=True)) == []
    assert held(place.store(), "iris") == [1]


def test_a_model_whose_versions_are_all_retired_is_removed(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1)
    retire(lock, "digits", 1, TODAY)
    assert read_lock(lock).names() == []
    collected(place.store(), lock)
    assert place.store().contents("digits") == ()


def test_files_that_a_remaining_version_shares_stay(place: Place, lock: Path) -> None:
    store = place.store()
    for identity in ("1", "2"):
        artifact, engine = large("shared")
        document = json.loads(artifact["artifact.json"]) | {"identity": identity}
        built = Built(artifact | {"artifact.json": json.dumps(document).encode()}, engine)
        lock_version(store, lock, store.publish("digits", built, {}), built.digest)
    retire(lock, "digits", 1, TODAY)
    [version] = collected(store, lock)
    assert version.stored.version == 1
    published = store.open("digits", 2)
    assert contents(published.engine) == contents(large()[1])


def test_a_retired_version_that_is_packaged_again_is_locked_again(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1, 2)
    entry = read_lock(lock).model("digits").versions[1]
    retire(lock, "digits", 1, TODAY)
    record(lock, "digits", 1, entry, [])
    assert read_lock(lock).model("digits").retired == {}
    assert collected(place.store(), lock) == []


def test_removing_what_is_already_removed_is_no_error(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1)
    [stored, *_] = [each for each in place.store().contents("digits") if each.version == 1]
    for _ in range(2):
        place.store().remove("digits", stored)
    assert held(place.store()) == []


def test_other_names_in_a_models_folder_are_not_touched(place: Place, lock: Path) -> None:
    publish(place.store(), lock, 1, 2)
    retire(lock, "digits", 1, TODAY)
    if isinstance(place, S3):
        place.bucket.client.put_object(
            Bucket=place.bucket.name, Key="some/prefix/models/digits/01/artifact.zip", Body=b"mine"
        )
    else:
        assert isinstance(place, Folder)
        (place.root / "models/digits/mine").mkdir()
        (place.root / "models/digits/7").symlink_to(place.root / "models/digits/mine")
    collected(place.store(), lock)
    assert held(place.store()) == [2]
    if isinstance(place, S3):
        keys = place.bucket.keys()
        assert "some/prefix/models/digits/01/artifact.zip" in keys
    else:
        assert (place.root / "models/digits/mine").is_dir()
        assert (place.root / "models/digits/7").is_symlink()


def test_an_object_that_lading_did_not_write_keeps_the_files_that_it_may_need(
    bucket: Bucket, lock: Path
) -> None:
    place = S3(bucket)
    publish(place.store(), lock, 1, 2)
    retire(lock, "digits", 1, TODAY)
    place.put("digits", 2, files(b"2", "2"))
    before = [each.place for each in place.store().contents("digits") if each.version is None]
    collected(place.store(), lock)
    after = [each.place for each in place.store().contents("digits") if each.version is None]
    assert after == before


def test_a_removed_object_is_still_there_as_a_noncurrent_version(
    bucket: Bucket, lock: Path
) -> None:
    place = S3(bucket)
    publish(place.store(), lock, 1, 2)
    copy = place.store().copy("digits", 1, digest(files(b"1", "1")), lock)
    retire(lock, "digits", 1, TODAY)
    collected(place.store(), lock)
    assert copy.kind == "s3"
    found = bucket.client.get_object(Bucket=copy.bucket, Key=copy.key, VersionId=copy.version_id)
    assert found["ContentLength"] == copy.bytes


def everything(store: Store) -> set[str]:
    return {each.place.rpartition("models/")[2] for each in store.contents("digits")}


@pytest.mark.slow
def test_a_kill_at_any_change_leaves_garbage_that_the_next_run_removes(
    place: Place, tmp_path: Path
) -> None:
    clean = open_store(f"{place.address}/clean")
    prepare(clean, tmp_path / "clean.lock.json")
    collected(clean, tmp_path / "clean.lock.json")
    words = ["-m", "tests.model_packaging.collecting", place.address, str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    worlds = [line.split() for line in done.stdout.splitlines()]
    assert len(worlds) > 3
    for address, lock in worlds:
        store = open_store(address)
        assert contents(store.open("digits", 2).engine)["second"] == b"2"
        collected(store, Path(lock))
        assert everything(store) == everything(clean)
        assert contents(store.open("digits", 2).engine)["second"] == b"2"


def test_a_version_that_cannot_be_removed_is_one_clear_error(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    (tmp_path / "store").write_text("a file")
    missing = Stored(str(tmp_path / "store/models/digits/1"), 1, 0, datetime.now(UTC))
    with pytest.raises(StoreError, match=r"model 'digits': .*store cannot be written"):
        store.remove("digits", missing)


def test_a_deletion_that_s3_denies_says_what_to_allow() -> None:
    key = "models/digits/1/artifact.zip"
    stored = Stored(f"s3://a-bucket/{key}", 1, 7, datetime.now(UTC), keys=(key,))
    with (
        refusing(403, "AccessDenied", "no") as url,
        aws(url, AWS_MAX_ATTEMPTS="1"),
        pytest.raises(StoreError, match=rf"s3://a-bucket/{key} is not allowed .*s3:DeleteObject"),
    ):
        open_store("s3://a-bucket").remove("digits", stored)
