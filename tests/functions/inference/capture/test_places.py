"""A folder and a bucket keep objects alike."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.errors import CaptureUnreachable
from lading.functions.inference.capture.places import BucketPlace, CapturePlace, place_of
from tests.support.s3 import aws, running

KEY = "captured/m/0a1b.jsonl"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with running() as url, aws(url):
        boto3.client("s3").create_bucket(
            Bucket="captures", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield url


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CapturePlace]:
    if request.param == "folder":
        yield place_of(CaptureSettings(str(tmp_path / "new/captures")))
        return
    with aws(request.getfixturevalue("bucket")):
        yield place_of(CaptureSettings(f"s3://captures/{tmp_path.name}/"))


def test_an_object_is_written_once(place: CapturePlace) -> None:
    assert place.get(KEY) is None
    assert place.put(KEY, b"first")
    assert not place.put(KEY, b"second")
    assert place.get(KEY) == b"first"


def test_of_several_at_once_one_writes(place: CapturePlace) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = [*pool.map(lambda number: place.put(KEY, b"%d" % number), range(8))]
    assert kept.count(True) == 1
    assert place.get(KEY) == b"%d" % kept.index(True)


def test_a_folder_is_its_owners_alone_and_has_no_parts_of_files(tmp_path: Path) -> None:
    place_of(CaptureSettings(str(tmp_path / "captures"))).put(KEY, b"first")
    (file,) = [each for each in (tmp_path / "captures").rglob("*") if each.is_file()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_bucket_gets_the_key_and_the_prefix(bucket: str) -> None:
    key = "arn:aws:kms:eu-west-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000000"
    with aws(bucket):
        BucketPlace("s3://captures/below", key).put(KEY, b"first")
        head = boto3.client("s3").head_object(Bucket="captures", Key=f"below/{KEY}")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_what_cannot_be_reached_says_so(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    places = [place_of(CaptureSettings(str(tmp_path / "file")))]
    with aws(bucket):
        places += [place_of(CaptureSettings("s3://missing-bucket"))]
        for place in places:
            with pytest.raises(CaptureUnreachable):
                place.put(KEY, b"first")
    with aws("http://127.0.0.1:1"), pytest.raises(CaptureUnreachable):
        place_of(CaptureSettings("s3://captures")).get(KEY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CaptureUnreachable):
        place_of(CaptureSettings(str(tmp_path / "captures"))).put(KEY, b"first")
