import io
import tarfile
from pathlib import Path

import pytest

from lading.model_packaging.lock.file import LockedSource
from lading.model_packaging.remote.cache import Fetched, fetch
from lading.model_packaging.remote.kind import SourceUnfetched
from lading.model_packaging.sources.tarball import ArchiveRefused
from tests.conftest import Bucket
from tests.support.worlds import times


def get(address: str, cache: Path, pin: LockedSource | None = None) -> Fetched:
    return fetch(address, pin, cache, lambda *_: None)


def put(bucket: Bucket, key: str, body: bytes) -> str:
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=body)
    return f"s3://{bucket.name}/{key}"


def archive(names: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


def test_an_object_is_pinned_by_its_version(bucket: Bucket, tmp_path: Path) -> None:
    address = put(bucket, "models/m.onnx", times(2))
    first = get(address, tmp_path / "a")
    assert (first.path.name, first.path.read_bytes()) == ("m.onnx", times(2))
    assert first.pin.revision.startswith("version:")
    put(bucket, "models/m.onnx", times(3))
    elsewhere = get(address, tmp_path / "b", first.pin)  # another clone, with the same lock
    assert elsewhere.path.read_bytes() == times(2)
    assert get(address, tmp_path / "a").path.read_bytes() == times(3)


def test_what_is_pinned_and_here_needs_no_aws(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = put(bucket, "m.onnx", times(2))
    first = get(address, tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert get(address, tmp_path, first.pin).path == first.path
    with pytest.raises(SourceUnfetched, match="cannot be reached"):
        get(address, tmp_path)


def test_a_prefix_is_a_folder(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, "net/saved_model.pb", b"graph")
    put(bucket, "net/variables/variables.index", b"index")
    put(bucket, "network/other", b"no")
    for address in (f"s3://{bucket.name}/net", f"s3://{bucket.name}/net/"):
        folder = get(address, tmp_path).path
        files = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        assert files == ["saved_model.pb", "variables/variables.index"]


def test_a_prefix_that_changed_is_not_the_pinned_one(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, "net/saved_model.pb", b"graph")
    address = f"s3://{bucket.name}/net/"
    first = get(address, tmp_path / "a")
    put(bucket, "net/saved_model.pb", b"another")
    with pytest.raises(SourceUnfetched, match="--refresh"):
        get(address, tmp_path / "b", first.pin)


def test_the_archive_of_a_training_is_unpacked(bucket: Bucket, tmp_path: Path) -> None:
    names = {"model.onnx": times(2), "code/inference.py": b"", "README.md": b""}
    address = put(bucket, "job/output/model.tar.gz", archive(names))
    assert get(address, tmp_path).path.read_bytes() == times(2)


def test_an_archive_that_leads_out_of_its_folder_leaves_nothing(
    bucket: Bucket, tmp_path: Path
) -> None:
    address = put(bucket, "model.tar.gz", archive({"../model.onnx": b"x"}))
    cache = tmp_path / "cache"
    with pytest.raises(ArchiveRefused):
        get(address, cache)
    assert not list(cache.iterdir())
    assert not (tmp_path / "model.onnx").exists()


def test_an_absolute_path_in_an_archive_is_one_below_its_folder(
    bucket: Bucket, tmp_path: Path
) -> None:
    outside = tmp_path / "outside/model.onnx"
    address = put(bucket, "model.tar.gz", archive({str(outside): times(2)}))
    cache = tmp_path / "cache"
    assert get(address, cache).path.is_relative_to(cache)
    assert not outside.exists()


def test_several_models_are_named(bucket: Bucket, tmp_path: Path) -> None:
    address = put(bucket, "model.tar.gz", archive({"a.onnx": b"a", "b.onnx": b"b"}))
    with pytest.raises(SourceUnfetched, match=r"must have one model, but has a\.onnx, b\.onnx"):
        get(address, tmp_path)


def test_a_key_that_leads_out_of_the_folder_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, "net/../../../evil.onnx", b"x")
    with pytest.raises(SourceUnfetched, match="unusable name"):
        get(f"s3://{bucket.name}/net/", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize(
    ("key", "reason"), [("absent.onnx", "no such object or prefix"), ("", "no such object")]
)
def test_what_is_missing_is_named(bucket: Bucket, tmp_path: Path, key: str, reason: str) -> None:
    with pytest.raises(SourceUnfetched, match=reason):
        get(f"s3://{bucket.name}/{key}", tmp_path)


def test_a_bucket_that_does_not_exist_is_named(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(SourceUnfetched, match="'no-such-bucket-here'"):
        get("s3://no-such-bucket-here/m.onnx", tmp_path)
