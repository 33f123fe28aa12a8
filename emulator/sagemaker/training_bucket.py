"""The way of emulated training jobs to S3, wherever that is: AWS_ENDPOINT_URL leads there."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Bucket:
    """Objects in S3; see `training_folder.Bucket`.

    Args:
        client: boto3's client.
    """

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def fetch(self, address: str, folder: Path) -> None:
        """See `training_folder.Bucket.fetch`."""
        folder.mkdir(parents=True, exist_ok=True)
        bucket, prefix = _split(address)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for key in (each["Key"] for page in pages for each in page.get("Contents", ())):
            name = key.removeprefix(prefix).lstrip("/") or key.rpartition("/")[2]
            path = folder / name
            if not key.endswith("/") and path.resolve().is_relative_to(folder.resolve()):
                path.parent.mkdir(parents=True, exist_ok=True)
                self._client.download_file(bucket, key, str(path))

    def keep(self, folder: Path, address: str) -> None:
        """See `training_folder.Bucket.keep`."""
        bucket, prefix = _split(address)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}"
                self._client.upload_file(str(path), bucket, key)


def _split(address: str) -> tuple[str, str]:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return bucket, prefix
