import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import (
    LockedEngine,
    LockedVersion,
    LockError,
    S3Copy,
    read_lock,
)
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.transfer import transfer
from lading.model_packaging.store.versions import open_store
from tests.conftest import Bucket
from tests.model_packaging.pushing import SIGNED
from tests.model_packaging.stores import S3, contents, digest, files, large
from tests.support.interpreter import ROOT

IDENTITY = f"sha256:{1:064x}"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock with version 3, which lies in a local store beside it."""
    store, path = LocalStore(tmp_path / "artifacts"), tmp_path / "models.lock.json"
    store.place("digits", 3, Built(files()))
    copy = store.copy("digits", 3, digest(files()), path)
    entry = LockedVersion(identity=IDENTITY, digest=digest(files()), stores=(copy,))
    record(path, "digits", 3, entry, ["stable"])
    return path


@pytest.fixture
def pushed(lock: Path, bucket: Bucket) -> Path:
    """The lock, after its version went to S3 and was lost here."""
    transfer("digits", 3, open_store(bucket.address), lock)
    shutil.rmtree(lock.parent / "artifacts")
    return lock


def test_a_version_goes_to_s3_once_and_the_lock_pins_it(lock: Path, bucket: Bucket) -> None:
    target = open_store(bucket.address)
    done = [transfer("digits", 3, target, lock) for _ in range(2)]
    assert [each.moved for each in done] == [True, False]
    assert [each.bytes for each in done] == [sum(map(len, files().values())), None]
    copies = read_lock(lock).model("digits").versions[3].stores
    assert [copy.kind for copy in copies] == ["local", "s3"]
    assert copies[1] == done[0].copy == done[1].copy


def test_a_version_comes_back_as_it_was(pushed: Path) -> None:
    target = LocalStore(pushed.parent / "elsewhere")
    done = [transfer("digits", 3, target, pushed) for _ in range(2)]
    assert [each.moved for each in done] == [True, False]
    assert target.open("digits", 3, digest(files())).files == files()
    assert read_lock(pushed).model("digits").labels == {"stable": 3}


def test_the_pinned_object_comes_though_another_took_its_key(pushed: Path, bucket: Bucket) -> None:
    S3(bucket).put("digits", 3, files(b"evil"))
    target = LocalStore(pushed.parent / "artifacts")
    transfer("digits", 3, target, pushed)
    assert target.open("digits", 3).files == files()


def test_a_copy_that_is_lost_is_passed_over_for_one_that_is_not(
    pushed: Path, bucket: Bucket
) -> None:
    entry = read_lock(pushed).model("digits").versions[3]
    gone = S3Copy(bucket="gone", key="models/digits/3/artifact.zip", version_id="v", bytes=7)
    pushed.unlink()
    stores = (gone, *entry.stores)
    record(pushed, "digits", 3, entry.model_copy(update={"stores": stores}), [])
    assert transfer("digits", 3, LocalStore(pushed.parent / "artifacts"), pushed).moved


def test_a_damaged_source_reaches_no_store(lock: Path, bucket: Bucket) -> None:
    (lock.parent / "artifacts/models/digits/3/model.onnx").write_bytes(b"other")
    before = lock.read_bytes()
    with pytest.raises(StoreError, match="is damaged"):
        transfer("digits", 3, open_store(bucket.address), lock)
    assert bucket.keys() == []
    assert lock.read_bytes() == before


def test_another_repositorys_version_is_neither_taken_nor_overwritten(
    lock: Path, bucket: Bucket
) -> None:
    open_store(bucket.address).place("digits", 3, Built(files(b"theirs", "two")))
    before = lock.read_bytes()
    with pytest.raises(StoreError, match=r"is another version 3.*below another prefix"):
        transfer("digits", 3, open_store(bucket.address), lock)
    assert lock.read_bytes() == before


@pytest.mark.long
def test_a_push_that_is_killed_before_any_change_goes_on_when_it_is_run_again(
    tmp_path: Path, bucket: Bucket
) -> None:
    command = [sys.executable, "-m", "tests.model_packaging.pushing", str(tmp_path), bucket.name]
    killed = subprocess.run(
        command, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True
    ).stdout.split()
    assert len(killed) > 5
    for world in killed:
        lock = tmp_path / world / "models.lock.json"
        target = open_store(f"s3://{bucket.name}/{world}")
        entry = read_lock(lock).model("digits").versions[3]
        if len(entry.stores) > 1:
            assert target.open("digits", 3, entry.digest).files == SIGNED
        transfer("digits", 3, target, lock)
        pushed = read_lock(lock).model("digits")
        assert pushed.labels == {"stable": 3}
        assert [copy.kind for copy in pushed.versions[3].stores] == ["local", "s3"]
        assert target.open("digits", 3, entry.digest).files == SIGNED


def test_a_version_that_is_not_locked_is_not_moved(lock: Path, tmp_path: Path) -> None:
    with pytest.raises(LockError, match="has no version 4 of model 'digits'"):
        transfer("digits", 4, LocalStore(tmp_path / "elsewhere"), lock)


def test_an_engines_files_go_to_s3_and_come_back(tmp_path: Path, bucket: Bucket) -> None:
    lock, (artifact, engine) = tmp_path / "models.lock.json", large()
    here = LocalStore(tmp_path / "artifacts")
    here.place("digits", 3, Built(artifact, engine))
    serving = LockedEngine(name="triton", digest=engine.digest, images={"eu-west-1": "image"})
    entry = LockedVersion(
        identity=IDENTITY,
        digest=digest(artifact),
        target="sagemaker",
        engine=serving,
        stores=(here.copy("digits", 3, digest(artifact), lock),),
    )
    record(lock, "digits", 3, entry, [])
    done = transfer("digits", 3, open_store(bucket.address), lock)
    assert isinstance(done.copy, S3Copy)
    assert done.copy.engine == f"some/prefix/models/digits/sha256/{engine.digest}/"
    assert done.bytes == sum(map(len, artifact.values())) + engine.size
    assert read_lock(lock).model("digits").versions[3].engine == serving
    shutil.rmtree(tmp_path / "artifacts")
    transfer("digits", 3, here, lock)
    assert contents(here.open("digits", 3, digest(artifact)).engine) == contents(engine)
