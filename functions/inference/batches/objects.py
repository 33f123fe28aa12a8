"""The objects of a batch in S3, as a function reads and writes them; boto3 is imported here."""

from functools import cache
from typing import TYPE_CHECKING, Any

from lading.functions.contract.names import expected_owner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ATTEMPTS = 10


class PartObjects:
    """See `event.PartStore`; a request that S3 throttles is repeated.

    Args:
        results: an address in the bucket of the batches, which also has inputs that were staged.
        owner: the account that this bucket must belong to; empty: any. Inputs that the stage allows
            beside it may be in other accounts.
    """

    def __init__(self, results: str = "", owner: str = "") -> None:
        self._own = _place(results)[0]
        self._owner: Any = expected_owner(owner)  # boto3's types know no arguments in a dict

    def read(self, bucket: str, key: str) -> bytes:
        """See `event.PartStore.read`."""
        owner: Any = self._owner if bucket == self._own else {}
        return _client().get_object(Bucket=bucket, Key=key, **owner)["Body"].read()

    def find(self, address: str) -> bytes | None:
        """See `event.PartStore.find`; without s3:ListBucket, S3 denies what is not there."""
        try:
            return self.read(*_place(address))
        except _client().exceptions.NoSuchKey:
            return None

    def write(self, address: str, content: bytes) -> None:
        """See `event.PartStore.write`."""
        bucket, key = _place(address)
        _client().put_object(Bucket=bucket, Key=key, Body=content, **self._owner)


def _place(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


@cache
def _client() -> "S3Client":
    import boto3
    from botocore.config import Config

    retries = Config(retries={"mode": "standard", "max_attempts": _ATTEMPTS})
    return boto3.client("s3", config=retries)
