import json
import os
import re
import subprocess
import sys
import tracemalloc
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from lading.functions.inference.artifact.archive import pack
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, SPECIFICATION
from lading.model_packaging.store.engine_files import gather
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.s3 import S3Store
from lading.model_packaging.store.s3_upload import PART_BYTES
from lading.model_packaging.store.versions import open_store
from tests.conftest import Bucket
from tests.model_packaging.stores import S3, contents, digest, files, large
from tests.support.interpreter import ROOT
from tests.support.refusing_server import refusing
from tests.support.s3 import aws
from tests.support.worlds import times

KEY = "some/prefix/models/digits/1/artifact.zip"
HEX = sha256(files()[GOLDEN]).removeprefix("sha256:")
LOCK = Path("models.lock.json")


@pytest.fixture
def store(bucket: Bucket) -> S3Store:
    found = open_store(bucket.address)
    assert isinstance(found, S3Store)
    return found


def test_a_version_is_one_object_with_its_golden_requests_beside_it(
    store: S3Store, bucket: Bucket
) -> None:
    store.publish("digits", Built(files()), {})
    golden = f"some/prefix/models/digits/golden/{HEX}.json"
    assert bucket.keys() == [KEY, golden]
    body = bucket.client.get_object(Bucket=bucket.name, Key=KEY)["Body"].read()
    with ZipFile(BytesIO(body)) as archive:
        assert archive.namelist() == [f"models/digits/1/{file}" for file in sorted(files())]
    found = bucket.client.get_object(Bucket=bucket.name, Key=golden)
    assert found["Body"].read() == files()[GOLDEN]


def test_the_lock_pins_the_objects_version_and_names_its_golden_requests(
    store: S3Store, bucket: Bucket
) -> None:
    store.publish("digits", Built(files()), {})
    head = bucket.client.head_object(Bucket=bucket.name, Key=KEY)
    assert store.copy("digits", 1, digest(files()), LOCK).model_dump() == {
        "kind": "s3",
        "bucket": bucket.name,
        "key": KEY,
        "version_id": head["VersionId"],
        "golden": f"some/prefix/models/digits/golden/{HEX}.json",
        "bytes": len(pack("digits", 1, files())),
    }


def test_golden_requests_are_read_alone_and_verified_by_their_key(
    store: S3Store, bucket: Bucket
) -> None:
    store.publish("digits", Built(files()), {})
    key = f"some/prefix/models/digits/golden/{HEX}.json"
    assert store.read_golden("digits", key) == files()[GOLDEN]
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"{}")
    with pytest.raises(StoreError, match="does not match its digest"):
        store.read_golden("digits", key)
    with pytest.raises(StoreError, match="is missing"):
        store.read_golden("digits", key.replace(HEX, "0" * 64))


def test_a_pinned_version_stays_what_it_was_when_somebody_overwrites_it(
    store: S3Store, bucket: Bucket
) -> None:
    store.publish("digits", Built(files()), {})
    copy = store.copy("digits", 1, digest(files()), LOCK)
    S3(bucket).put("digits", 1, files(b"evil"))
    with pytest.raises(StoreError, match="is damaged"):
        store.open("digits", 1, digest(files()))
    pinned = S3Store(store.bucket, store.prefix, copy.version_id)
    assert pinned.open("digits", 1, digest(files())).files == files()


def test_a_pinned_version_that_is_gone_is_one_clear_error(store: S3Store) -> None:
    store.publish("digits", Built(files()), {})
    pinned = S3Store(store.bucket, store.prefix, "00000000-0000-0000-0000-000000000000")
    with pytest.raises(StoreError, match="the pinned object version does not exist"):
        pinned.open("digits", 1)


def test_a_large_version_goes_up_in_parts_and_is_never_overwritten(
    store: S3Store, bucket: Bucket
) -> None:
    large = files(bytes(PART_BYTES))
    store.place("digits", 1, Built(large))
    with pytest.raises(StoreError, match="is another version 1"):
        store.place("digits", 1, Built(files(bytes(PART_BYTES + 1))))
    assert bucket.client.head_object(Bucket=bucket.name, Key=KEY)["ETag"].endswith('-2"')
    assert store.open("digits", 1, digest(large)).files == large
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


def test_an_object_that_we_did_not_write_is_never_passed_over(
    store: S3Store, bucket: Bucket
) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=b"a zip of somebody")
    with pytest.raises(StoreError, match="was not published by Lading"):
        store.find("digits", "one", {})
    with pytest.raises(StoreError, match="does not have the end of an artifact's zip"):
        store.open("digits", 1)


def test_a_bucket_without_versioning_is_refused_with_the_command_that_enables_it(
    store: S3Store, bucket: Bucket
) -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Suspended"}
    )
    command = f"aws s3api put-bucket-versioning --bucket {bucket.name} "
    for write in (
        lambda: store.publish("digits", Built(files()), {}),
        lambda: store.place("a", 1, Built({})),
    ):
        with pytest.raises(StoreError, match=command):
            write()
    assert bucket.keys() == []


def test_a_missing_bucket_is_one_clear_error(bucket: Bucket) -> None:
    with pytest.raises(StoreError, match=r"does not exist: 'nowhere'; create it"):
        open_store("s3://nowhere/a").publish("digits", Built(files()), {})


REFUSALS = {
    (403, "AccessDenied"): r"is not allowed by S3: no, no; allow .*s3:PutObject",
    (503, "SlowDown"): r"is requested too often: no, no; wait a minute",
    (403, "ExpiredToken"): r"cannot be accessed: ExpiredToken, no, no; log in",
    (403, "InvalidAccessKeyId"): r"cannot be accessed: .*AWS_PROFILE",
    (301, "PermanentRedirect"): r"is in another region: .*set AWS_REGION=us-west-2",
    (500, "InternalError"): r"S3 is unavailable: no, no; wait",
    (403, "RequestTimeTooSkewed"): r"the clock of this machine is wrong \(no, no\); set the clock",
    (418, "Teapot"): r"is rejected by S3: Teapot, no, no",
}


@pytest.mark.parametrize(("refusal", "reason"), REFUSALS.items(), ids=str)
def test_a_refusal_of_s3_is_one_clear_error(refusal: tuple[int, str], reason: str) -> None:
    headers = {"x-amz-bucket-region": "us-west-2"}
    with (
        refusing(*refusal, "no, no.", headers) as url,
        aws(url, AWS_MAX_ATTEMPTS="1"),
        pytest.raises(StoreError, match=reason) as caught,
    ):
        open_store("s3://a-bucket/models").find("digits", "one", {})
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("model 'digits': s3://a-bucket/models ")


def test_a_bucket_that_cannot_be_reached_is_one_clear_error() -> None:
    with (
        aws("http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1"),
        pytest.raises(StoreError, match="cannot be reached: Could not connect"),
    ):
        open_store("s3://a-bucket/models").versions("digits")


def test_an_impossible_endpoint_is_one_clear_error() -> None:
    with aws("nonsense"), pytest.raises(StoreError, match="correct AWS_ENDPOINT_URL"):
        open_store("s3://a-bucket/models").versions("digits")


def test_without_credentials_it_says_how_to_get_some() -> None:
    with aws("http://127.0.0.1:9"):
        del os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        with pytest.raises(StoreError, match=r"Unable to locate credentials; log in .*AWS_PROFILE"):
            open_store("s3://a-bucket/models").versions("digits")


WITHOUT_BOTO3 = """
import sys
sys.modules.update(boto3=None, botocore=None)
from lading.cli.main import main
main(["package", "--store", "s3://a-bucket/models"])
"""


def test_without_boto3_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: {a: {source: a.onnx}}")
    (tmp_path / "a.onnx").write_bytes(times(2))
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_BOTO3],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 6
    assert "s3://a-bucket/models needs boto3; install it with: pip install boto3" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_same_files_are_the_same_bytes(bucket: Bucket) -> None:
    store = open_store(bucket.address)
    store.publish("digits", Built(files()), {})
    body = bucket.client.get_object(Bucket=bucket.name, Key=KEY)["Body"].read()
    assert body == pack("digits", 1, dict(reversed(files().items())))


def prefix(digest: str) -> str:
    return f"some/prefix/models/digits/sha256/{digest}/"


def test_an_engines_files_lie_below_the_digest_of_their_list(
    store: S3Store, bucket: Bucket
) -> None:
    artifact, engine = large()
    store.publish("digits", Built(artifact, engine), {})
    folder = prefix(engine.digest)
    found = filter(re.compile("/sha256/").search, bucket.keys())
    assert list(found) == [f"{folder}model/1/weights", f"{folder}model/config"]
    assert store.copy("digits", 1, digest(artifact), LOCK).engine == folder


def test_only_a_few_parts_of_an_engines_large_file_are_held_at_a_time(
    store: S3Store, bucket: Bucket, tmp_path: Path
) -> None:
    with (tmp_path / "weights").open("wb") as sparse:
        sparse.truncate(5 * PART_BYTES + 1)
    files = gather("digits", tmp_path, {"weights": tmp_path / "weights"})
    artifact, _ = large()
    document = json.loads(artifact[SPECIFICATION])
    document["engine"]["files"] = {"weights": files.files["weights"]._asdict()}
    artifact[SPECIFICATION] = json.dumps(document).encode()
    tracemalloc.start()
    store.place("digits", 1, Built(artifact, files))
    target = LocalStore(tmp_path / "artifacts")
    target.place("digits", 1, Built(artifact, store.open("digits", 1).engine))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * PART_BYTES
    head = bucket.client.head_object(Bucket=bucket.name, Key=f"{prefix(files.digest)}weights")
    assert head["ETag"].endswith('-6"')


def test_what_a_killed_publisher_left_is_used_by_the_next_one(
    store: S3Store, bucket: Bucket
) -> None:
    artifact, engine = large()
    store.publish("digits", Built(artifact, engine), {})
    bucket.client.delete_object(Bucket=bucket.name, Key=KEY)
    bucket.client.delete_object(Bucket=bucket.name, Key=f"{prefix(engine.digest)}model/config")
    kept = f"{prefix(engine.digest)}model/1/weights"
    before = bucket.client.head_object(Bucket=bucket.name, Key=kept)["VersionId"]
    assert store.publish("digits", Built(artifact, engine), {}) == 1
    assert bucket.client.head_object(Bucket=bucket.name, Key=kept)["VersionId"] == before
    assert contents(store.open("digits", 1).engine) == contents(engine)


def test_another_file_in_an_engines_place_is_neither_taken_nor_overwritten(
    store: S3Store, bucket: Bucket
) -> None:
    artifact, engine = large()
    S3(bucket).put_engine(engine, "model/config", b"config")
    with pytest.raises(
        StoreError, match=r"model 'digits': .*config is not the engine's file.*delete it"
    ):
        store.publish("digits", Built(artifact, engine), {})
    assert store.versions("digits") == ()


def test_a_lost_file_of_an_engine_is_found_before_the_lock_names_it(
    store: S3Store, bucket: Bucket
) -> None:
    artifact, engine = large()
    store.publish("digits", Built(artifact, engine), {})
    bucket.client.delete_object(Bucket=bucket.name, Key=f"{prefix(engine.digest)}model/config")
    with pytest.raises(StoreError, match="engine/model/config has None bytes"):
        store.copy("digits", 1, digest(artifact), LOCK)
