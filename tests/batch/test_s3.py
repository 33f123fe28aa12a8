"""A batch from S3 to S3, also while S3 throttles."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lading.batch.errors import InputUnusable, S3Refused
from lading.batch.run import run_batch
from lading.batch.s3 import RemoteFiles
from tests.batch.test_run import ignore
from tests.conftest import Bucket
from tests.support.batches import batch, doubling
from tests.support.faulty_network import Network, faulty
from tests.support.s3 import aws


@pytest.fixture
def network(s3_url: str) -> Iterator[Network]:
    with faulty(s3_url) as found:
        yield found


@pytest.mark.slow
def test_a_batch_goes_from_s3_to_s3_though_s3_throttles(
    tmp_path: Path, bucket: Bucket, network: Network
) -> None:
    content = io.BytesIO()
    np.savez(content, x=np.arange(10, dtype=np.float32).reshape(5, 2))
    bucket.client.put_object(Bucket=bucket.name, Key="in/rows.npz", Body=content.getvalue())
    digest, output = doubling(tmp_path), f"s3://{bucket.name}/out/answers.npz"
    wanted = batch(tmp_path, f"s3://{bucket.name}/in/rows.npz", output, digest)
    network.will("throttled", "none", "throttled", "unavailable", "none", "throttled")
    with contextlib.chdir(tmp_path), aws(network.url):
        summary = run_batch(wanted, ignore)
    assert (summary.rows, summary.failed, network.coming) == (5, 0, [])
    body = bucket.client.get_object(Bucket=bucket.name, Key="out/answers.npz")["Body"].read()
    with np.load(io.BytesIO(body)) as answers:
        assert answers["y"].tolist() == (2 * np.arange(10).reshape(5, 2)).tolist()
    written = bucket.keys()
    assert [key for key in written if key.startswith("out/")] == [
        "out/answers.npz",
        "out/answers.npz.manifest.json",
    ]
    assert not list((tmp_path / ".lading/batch").iterdir())
    with pytest.raises(InputUnusable, match="no such object"):
        run_batch(replace(wanted, source=f"s3://{bucket.name}/gone", overwrite=True), ignore)


def test_a_prefix_is_a_folder_and_nothing_is_written_outside(
    tmp_path: Path, bucket: Bucket
) -> None:
    for name in ("in/a.txt", "in/sub/b.txt", "inside.txt"):
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=name.encode())
    objects = RemoteFiles()
    folder = objects.copy(f"s3://{bucket.name}/in", tmp_path / "copy")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.txt"))
    assert found == ["a.txt", "sub/b.txt"]
    bucket.client.put_object(Bucket=bucket.name, Key="bad/../../x.txt", Body=b"")
    with pytest.raises(InputUnusable, match="leads out"):
        objects.copy(f"s3://{bucket.name}/bad", tmp_path / "copy")


def test_a_bucket_that_is_not_there_is_one_clear_error(bucket: Bucket) -> None:
    with pytest.raises(S3Refused, match="bucket that does not exist"):
        RemoteFiles().identity("s3://lading-no-such-bucket/rows.csv")
