"""A model from S3 into memory, through the very service that answers with it."""

import json
import sys
from pathlib import Path

import pytest

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.errors import ArtifactCorrupt, ArtifactUnreachable
from lading.functions.contract.names import S3Object
from lading.functions.contract.settings import (
    JobsPlace,
    ServedModel,
    ServingSettings,
    ShadowVersion,
)
from lading.functions.inference.artifact.archive import pack
from lading.functions.inference.artifact.remote import read_remote
from tests.conftest import Bucket
from tests.support.driver import ask, serve
from tests.support.interpreter import proxy_event, run_clean
from tests.support.refusing_server import refusing
from tests.support.s3 import aws, credentials
from tests.support.worlds import times, write_artifact

KEY = "some/models/big/2/artifact.zip"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    write_artifact(tmp_path, "big", 2, times(2))
    folder = tmp_path / "models/big/2"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def big(bucket: Bucket, files: dict[str, bytes], tmp_path: Path) -> ServedModel:
    """A model whose version 2 lies in S3 alone."""
    digest = write_artifact(tmp_path / "again", "big", 2, times(2))
    place = publish(bucket, files)
    return ServedModel("big", {2: digest}, {"stable": 2}, {2: place})


def publish(bucket: Bucket, files: dict[str, bytes]) -> S3Object:
    body = pack("big", 2, files)
    done = bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=body)
    return S3Object(bucket.name, KEY, done["VersionId"])


def read(model: ServedModel, **changes: str) -> bytes:
    place = model.remote[2]._replace(**changes)
    return read_remote(place, "big", 2, model.versions[2]).model


def test_a_model_in_s3_answers_beside_one_on_disk(big: ServedModel, tmp_path: Path) -> None:
    small = ServedModel("small", {1: write_artifact(tmp_path, "small", 1, times(3))})
    app = serve(ServingSettings(models=(big, small), model_root=str(tmp_path)))
    for name, factor in (("big", 2), ("small", 3)):
        answer = ask(app, f"POST /predict/{name}", {"inputs": [[1, 2]]})
        assert answer.document["outputs"] == {"y": [[factor, 2 * factor]]}


def test_the_pinned_object_version_is_read_whatever_lies_there_now(
    big: ServedModel, bucket: Bucket
) -> None:
    publish(bucket, {"artifact.json": b"another"})
    assert read(big) == times(2)


def test_an_object_that_is_not_what_the_lock_says_is_refused(
    big: ServedModel, bucket: Bucket, files: dict[str, bytes]
) -> None:
    document = json.loads(files["artifact.json"]) | {"identity": "another"}
    place = publish(bucket, files | {"artifact.json": json.dumps(document).encode()})
    with pytest.raises(ArtifactCorrupt, match=r"has digest .* the lock states"):
        read(big, version_id=place.version_id)
    place = publish(bucket, files | {"model.onnx": times(3)})
    with pytest.raises(ArtifactCorrupt, match=r"models/big/2/model\.onnx has digest"):
        read(big, version_id=place.version_id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bucket": "nowhere"}, "NoSuchBucket"),
        ({"key": "some/models/big/3/artifact.zip"}, "NoSuchVersion|NoSuchKey"),
        ({"version_id": "00000000-0000-0000-0000-000000000000"}, "NoSuchVersion"),
    ],
)
def test_what_is_not_there_says_so(big: ServedModel, changes: dict[str, str], code: str) -> None:
    with pytest.raises(ArtifactUnreachable, match=f"cannot be read from S3: ({code})$"):
        read(big, **changes)


def test_a_model_that_s3_refuses_is_not_ready_and_tells_callers_no_bucket(tmp_path: Path) -> None:
    place = S3Object("secret-bucket", KEY, "v")
    small = ServedModel("small", {1: write_artifact(tmp_path, "small", 1, times(3))})
    settings = ServingSettings(
        (ServedModel("big", {2: ""}, remote={2: place}), small), str(tmp_path)
    )
    with refusing(403, "AccessDenied", "on secret-bucket") as url, aws(url):
        app = serve(settings)
    answer = ask(app, "POST /predict/big", {"inputs": [[1, 2]]})
    assert answer.status == 503
    assert answer.error.endswith("models/big/2/artifact.zip cannot be read from S3: AccessDenied")
    assert ask(app, "POST /predict/small", {"inputs": [[1, 2]]}).status == 200


COLD_START = """
import json, sys
if len(sys.argv) > 2:
    sys.modules.update(boto3=None, botocore=None)
from lading.functions.inference.entry.lambda_handler import handler
answer = handler(json.loads(sys.argv[1]), None)
print(json.dumps({"status": answer["statusCode"], "body": json.loads(answer["body"])}))
"""


def test_the_lambda_entry_loads_it_at_init_from_its_environment(
    big: ServedModel, s3_url: str
) -> None:
    environment = credentials(s3_url) | ServingSettings(models=(big,)).to_environment()
    event = json.dumps(proxy_event("POST", "/big/predict", {"inputs": [[1, 2]]}))
    answered = run_clean(COLD_START, environment, event)[-1]
    assert answered["body"]["outputs"] == {"y": [[2, 4]]}


def test_without_boto3_the_model_is_not_ready() -> None:
    model = ServedModel("big", {2: ""}, remote={2: S3Object("bucket", KEY, "v")})
    event = json.dumps(proxy_event("GET", "/big/v2/health/ready"))
    lines = run_clean(
        COLD_START, ServingSettings(models=(model,)).to_environment(), event, "without"
    )
    assert lines[-1]["status"] == 503
    assert any("boto3 is not installed" in json.dumps(line) for line in lines)


SNAPSHOT = """
import gc, json, os
from pathlib import Path
from lading.functions.inference.entry.lambda_handler import handler
from snapshot_restore_py import get_before_snapshot
for action, args, kwargs in get_before_snapshot():
    action(*args, **kwargs)
gc.unfreeze()
gc.collect()
from botocore.client import BaseClient
from botocore.credentials import Credentials
found = (type(each) for each in gc.get_objects())
kept = {kind.__name__ for kind in found if issubclass(kind, (BaseClient, Credentials))}
links = [os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
print(json.dumps({"kept": sorted(kept), "open": [it for it in links if "socket" in it]}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not list open files so")
def test_a_snapshot_has_no_connection_and_no_credentials(big: ServedModel, s3_url: str) -> None:
    """Each part of the service that calls AWS is on; only the model has been read from S3."""
    settings = ServingSettings(
        models=(big,),
        jobs=JobsPlace("jobs", "jobs"),
        idempotency_table="keys",
        shadow=ShadowVersion("other:live", 10),
        capture=CaptureSettings("s3://captures"),
    )
    environment = credentials(s3_url) | settings.to_environment()
    assert run_clean(SNAPSHOT, environment)[-1] == {"kept": [], "open": []}
