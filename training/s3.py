"""Objects in S3: data of channels, code on its way to a job, and what a job left."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lading.model_packaging.errors import Place
from lading.model_packaging.store.s3_contents import list_objects
from lading.model_packaging.store.s3_refusals import refusal
from lading.training.errors import CloudRefused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Objects:
    """The way to S3; boto3 is imported when it is first used. See `channels.Objects`.

    Args:
        place: what needs the objects, in the manifest.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def tags(self, address: str) -> Mapping[str, tuple[int, str]]:
        """See `channels.Objects.tags`."""
        bucket, prefix = split(address)
        with self._explained(address):
            found = list_objects(self._client, bucket, prefix)
        return {
            name: (each["Size"], each["ETag"].strip('"'))
            for each in found
            if (name := below(each["Key"], prefix))
        }

    def download(self, address: str, folder: Path) -> None:
        """See `channels.Objects.download`."""
        bucket, prefix = split(address)
        with self._explained(address):
            for each in list_objects(self._client, bucket, prefix):
                name = below(each["Key"], prefix)
                path = folder / name
                if name and path.resolve().is_relative_to(folder.resolve()):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._client.download_file(bucket, each["Key"], str(path))

    def upload(self, files: Mapping[str, Path], address: str) -> None:
        """See `channels.Objects.upload`."""
        bucket, prefix = split(address)
        with self._explained(address):
            for name, path in files.items():
                self._client.upload_file(str(path), bucket, f"{prefix.rstrip('/')}/{name}")

    @cached_property
    def _client(self) -> "S3Client":
        with self._explained("S3"):
            import boto3

            return boto3.client("s3")

    @contextmanager
    def _explained(self, address: str) -> Iterator[None]:
        try:
            from boto3.exceptions import Boto3Error
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            reason = "needs boto3; install it with `make cloud`, or pip install 'lading[train]'"
            raise CloudRefused(self._place, reason) from None
        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            bucket = split(address)[0]
            raise CloudRefused(self._place, f"{address} {refusal(error, bucket)}") from error


def split(address: str) -> tuple[str, str]:
    """Return bucket and prefix of s3://bucket/prefix."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    return bucket, prefix


def below(key: str, prefix: str) -> str:
    """Return the name of an object below a prefix; empty for a folder's own marker.

    A prefix that is a whole key is a file: its name is the last part.
    """
    if key == prefix:
        return "" if key.endswith("/") else key.rpartition("/")[2]
    name = key.removeprefix(prefix if prefix.endswith("/") or not prefix else f"{prefix}/")
    return "" if name.endswith("/") or (name == key and prefix) else name
