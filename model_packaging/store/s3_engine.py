"""An engine's files in S3, below a prefix that contains the digest of their list.

SageMaker gets a prefix without object versions, and loads everything below it. So a file is written
once, has its digest in its metadata, and only the listed files may exist there.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lading.functions.inference.artifact.specification import EngineFile
from lading.model_packaging.store.engine_files import EngineFiles, Readable
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.s3_contents import list_objects
from lading.model_packaging.store.s3_upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DIGEST = "lading-digest"
_KIND = "application/octet-stream"
_MISSING = 404

Asking = Callable[[str], AbstractContextManager[Any]]
"""Turns errors of S3 at a key into one clear error."""


@dataclass(frozen=True, slots=True)
class EnginePrefix:
    """The prefix of one engine's files.

    Args:
        model: the model that they belong to.
        client: the S3 client.
        bucket: the bucket's name.
        prefix: ends with the digest of the list of files, and a slash.
        asking: see `Asking`.
    """

    model: str
    client: "S3Client"
    bucket: str
    prefix: str
    asking: Asking

    def put(self, engine: EngineFiles) -> None:
        """Upload each file, unless it exists.

        Raises:
            StoreError: another file exists there, or a file differs from the list.
        """
        for path in sorted(engine.files):
            with self.asking(f"{self.prefix}{path}"):
                self._put(engine, path)

    def sizes(self) -> dict[str, int]:
        """Return the size of each object below the prefix, by its path there."""
        found = list_objects(self.client, self.bucket, self.prefix)
        return {each["Key"].removeprefix(self.prefix): each["Size"] for each in found}

    def files(self, listed: Mapping[str, EngineFile]) -> EngineFiles:
        """Return the files, which are read from here."""
        place = f"s3://{self.bucket}/{self.prefix}".rstrip("/")
        return EngineFiles(self.model, place, listed, self._open)

    @contextmanager
    def _open(self, path: str) -> Iterator[Readable]:
        key = f"{self.prefix}{path}"
        with self.asking(key):
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            with closing(body):
                yield body

    def _put(self, engine: EngineFiles, path: str) -> None:
        key, file = f"{self.prefix}{path}", engine.files[path]
        upload = Upload(self.client, self.bucket, key, _KIND, {_DIGEST: file.digest})
        # Check first: otherwise an existing file would be uploaded and rejected at the end.
        there = self._found(key)
        if there is None and upload.stream(file.bytes, partial(engine.read, path)):
            return
        if (there or self._found(key)) != file:
            reason = f"is not the engine's file, which has the digest {file.digest}"
            advice = "delete it and package again"
            raise StoreError(self.model, f"s3://{self.bucket}/{key}", f"{reason}; {advice}")

    def _found(self, key: str) -> EngineFile | None:
        """Return the digest and size of an object, from its metadata; None if it is missing."""
        from botocore.exceptions import ClientError

        try:
            found = self.client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == _MISSING:
                return None
            raise
        return EngineFile(found["Metadata"].get(_DIGEST, ""), found["ContentLength"])
