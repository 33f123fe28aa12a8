from pathlib import Path

import pytest

from tests.cli.conftest import Lading
from tests.conftest import Bucket


def test_a_version_goes_to_s3_and_the_lock_names_both_copies(
    packaged: Lading, bucket: Bucket
) -> None:
    result = packaged("push", "--store", bucket.address, "--json")
    [document] = result.document
    assert (document["model"], document["version"], document["moved"]) == ("double", 1, True)
    assert document["copy"]["kind"] == "s3"
    place = f"{bucket.address}/models/double/1/artifact.zip"
    assert result.err == f"double version 1 copied, {document['bytes']:,} bytes: {place}\n"


def test_a_dry_run_copies_nothing(packaged: Lading, workspace: Path, bucket: Bucket) -> None:
    before = (workspace / "models.lock.json").read_bytes()
    result = packaged("push", "--store", bucket.address, "--dry-run")
    assert result.out == "double version 1 would be copied\n"
    assert (bucket.keys(), (workspace / "models.lock.json").read_bytes()) == ([], before)
    packaged("push", "--store", bucket.address)
    [row] = packaged("push", "--store", bucket.address, "--dry-run", "--json").document
    assert row == {"model": "double", "version": 1, "moved": False}


def test_pushing_again_changes_nothing(packaged: Lading, workspace: Path, bucket: Bucket) -> None:
    packaged("push", "--store", bucket.address)
    before, keys = (workspace / "models.lock.json").read_bytes(), bucket.keys()
    result = packaged("push", "double", "--store", bucket.address)
    assert "double version 1 already there: s3://" in result.out
    assert (workspace / "models.lock.json").read_bytes() == before
    assert bucket.keys() == keys


@pytest.mark.parametrize("store", ["artifacts", "gs://bucket/a"])
def test_it_needs_an_address_in_s3(packaged: Lading, store: str) -> None:
    result = packaged("push", "--store", store)
    assert result.code in (2, 6)
    assert "s3://bucket/prefix" in result.err
    assert result.err.count("\n") == 1


def test_a_bucket_that_is_not_there_costs_one_line(packaged: Lading, bucket: Bucket) -> None:
    result = packaged("push", "--store", "s3://nowhere")
    assert result.code == 6
    assert "a bucket that does not exist: 'nowhere'" in result.err
    assert result.err.count("\n") == 1
