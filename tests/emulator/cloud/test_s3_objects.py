import pytest

from lading.emulator.cloud.s3_objects import S3Objects
from tests.conftest import Bucket


def test_an_object_is_written_and_read_by_its_address(bucket: Bucket) -> None:
    address = f"{bucket.address}/a/b"
    S3Objects().write(address, b"content", "text/plain")
    assert S3Objects().read(address) == b"content"


def test_a_missing_object_is_an_error_of_the_system(bucket: Bucket) -> None:
    with pytest.raises(OSError, match="NoSuchKey"):
        S3Objects().read(f"{bucket.address}/none")


@pytest.mark.parametrize("address", ["", "https://a/b", "s3://bucket", "s3://bucket/"])
def test_an_address_without_bucket_and_key_is_an_error(address: str) -> None:
    with pytest.raises(OSError, match="must be an address as s3://bucket/key"):
        S3Objects().read(address)
