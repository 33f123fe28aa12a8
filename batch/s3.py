"""Inputs and outputs in S3. boto3 is imported when an address begins with s3://.

An input is copied to the work folder before it is read, and an output is assembled there before it
is sent: S3 has an object whole or not at all, and a batch that goes on reads what it read before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lading.batch.errors import InputUnusable, S3Refused
from lading.model_packaging.store.s3_contents import list_objects
from lading.model_packaging.store.s3_refusals import refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

SCHEME = "s3://"
_ATTEMPTS, _DIGITS, _SAMPLE = 10, 16, 1 << 20


def split(address: str) -> tuple[str, str]:
    """Return the bucket and the key, or prefix, of s3://bucket/key."""
    bucket, _, key = address.removeprefix(SCHEME).partition("/")
    return bucket, key


class RemoteFiles:
    """The objects of a batch; a throttled request is repeated, ever more slowly."""

    def identity(self, address: str) -> str:
        """Return what changes when the object, or an object below the prefix, does."""
        found = "".join(f"{each['Key']}\0{each['ETag']}\n" for each in self._found(address))
        return sha256(found.encode()).hexdigest()[:_DIGITS]

    def copy(self, address: str, folder: Path) -> Path:
        """Copy an object, or all below a prefix, into a folder; what is there stays.

        Returns:
            The file, or the folder.

        Raises:
            InputUnusable: there is none.
            S3Refused: S3 returned an error.
        """
        bucket, key = split(address)
        found = self._found(address)
        if not found:
            raise InputUnusable(address, "there is no such object, and none below it")
        for each in found:
            path = folder / _below(each["Key"], key)
            if not path.resolve().is_relative_to(folder.resolve()):
                raise InputUnusable(address, f"has an object whose name leads out: {each['Key']}")
            if not path.exists():
                self._download(bucket, each["Key"], path)
        return folder / _below(key, key) if found[0]["Key"] == key else folder

    def send(self, path: Path, address: str) -> None:
        """Send a file, or every file of a folder.

        Raises:
            S3Refused: S3 returned an error.
        """
        bucket, key = split(address)
        files = [path] if path.is_file() else sorted(it for it in path.rglob("*") if it.is_file())
        with self._explained(address):
            for file in files:
                name = f"{key.rstrip('/')}/{file.relative_to(path)}" if file != path else key
                self._client.upload_file(str(file), bucket, name)

    def names(self, address: str) -> dict[str, int]:
        """Return the sizes of the objects below a prefix, by their names there."""
        key = split(address)[1]
        return {_below(each["Key"], key): each["Size"] for each in self._found(address)}

    def read(self, address: str) -> bytes:
        """Return the content of an object."""
        bucket, key = split(address)
        with self._explained(address):
            return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def about_lines(self, address: str) -> int:
        """Return about how many lines an object has, by the length of its first ones."""
        sample, size = self._sample(address)
        return max(1, round(size * max(1, sample.count(b"\n")) / max(1, len(sample))))

    def longest_line(self, address: str) -> int:
        """Return the bytes of the longest one of an object's first lines."""
        return max(map(len, self._sample(address)[0].split(b"\n")))

    def only_rows(self, address: str) -> bool:
        """Return whether a folder has rows, and no mark of a folder and no hidden file beside."""
        bucket, key = split(address)
        folder = f"{key.rstrip('/')}/" if key else ""
        with self._explained(address):
            listed = [each["Key"] for each in list_objects(self._client, bucket, folder)]
        others = (key.endswith("/") or "/." in f"/{key.removeprefix(folder)}" for key in listed)
        return bool(listed) and not any(others)

    def _sample(self, address: str) -> tuple[bytes, int]:
        """Return the start of an object, and the bytes of all."""
        bucket, key = split(address)
        with self._explained(address):
            found = self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_SAMPLE - 1}")
            return found["Body"].read(), int(found["ContentRange"].rpartition("/")[2])

    def write(self, address: str, content: bytes) -> None:
        """Write an object."""
        bucket, key = split(address)
        with self._explained(address):
            self._client.put_object(Bucket=bucket, Key=key, Body=content)

    def exists(self, address: str) -> bool:
        """Return whether there is such an object, or one below it."""
        return bool(self._found(address))

    def _found(self, address: str) -> list["ObjectTypeDef"]:
        """Return the object of this key, else those below the prefix."""
        bucket, key = split(address)
        with self._explained(address):
            listed = list_objects(self._client, bucket, key)
        exact = [each for each in listed if each["Key"] == key]
        folder = f"{key.rstrip('/')}/" if key else ""
        below = [it for it in listed if it["Key"].startswith(folder) and it["Key"][-1:] != "/"]
        return exact or sorted(below, key=lambda it: it["Key"])

    def _download(self, bucket: str, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.tmp")
        with self._explained(f"{SCHEME}{bucket}/{key}"):
            self._client.download_file(bucket, key, str(unfinished))
        unfinished.replace(path)

    @cached_property
    def _client(self) -> "S3Client":
        with self._explained("S3"):
            import boto3
            from botocore.config import Config

            retries = Config(retries={"mode": "adaptive", "max_attempts": _ATTEMPTS})
            return boto3.client("s3", config=retries)

    @contextmanager
    def _explained(self, address: str) -> Iterator[None]:
        try:
            from boto3.exceptions import Boto3Error
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            reason = "needs boto3; install it with `make cloud`, or pip install boto3"
            raise S3Refused(address, reason) from None
        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise S3Refused(address, refusal(error, split(address)[0])) from error


def _below(key: str, prefix: str) -> str:
    """Return the name of an object below a prefix; of the object itself, its last part."""
    if key == prefix:
        return key.rpartition("/")[2]
    return key.removeprefix(f"{prefix.rstrip('/')}/" if prefix else "")
