"""Where captured requests are kept: a folder, or a bucket of S3.

An object is written whole, once: a second write of its key changes nothing.
"""

import os
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.errors import CaptureUnreachable, reason_of
from lading.functions.contract.names import expected_owner

LONGEST_OBJECT: Final = 4 << 20
"""Bytes of an object; a longer one is neither written nor read."""

_CONNECT_S, _READ_S = 1, 2
_TAKEN: Final = frozenset({"PreconditionFailed", "412"})
_GONE: Final = frozenset({"NoSuchKey", "404"})


class CapturePlace(Protocol):
    """Keeps small objects by their keys."""

    def put(self, key: str, content: bytes) -> bool:
        """Write an object; return False if the key is taken.

        Raises:
            CaptureUnreachable: it cannot be written.
        """

    def get(self, key: str) -> bytes | None:
        """Return the content of an object; None if there is none.

        Raises:
            CaptureUnreachable: it cannot be read.
        """


def place_of(settings: CaptureSettings) -> CapturePlace:
    """Return the place that the settings name; no call is made yet."""
    if settings.in_s3:
        return BucketPlace(settings.place, settings.key, settings.owner)
    return FolderPlace(Path(settings.place))


class FolderPlace:
    """A folder, which only its owner can read.

    Args:
        folder: created with the first object.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, content: bytes) -> bool:
        """See `CapturePlace`; a link to a complete file takes the key, or fails if it is taken."""
        path = self._folder / key
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.link(file.name, path)
        except FileExistsError:
            return False
        except OSError as error:
            raise CaptureUnreachable(reason_of(error)) from error
        return True

    def get(self, key: str) -> bytes | None:
        """See `CapturePlace`."""
        try:
            with (self._folder / key).open("rb") as file:
                return file.read(LONGEST_OBJECT)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CaptureUnreachable(reason_of(error)) from error


class BucketPlace:
    """A bucket, or what is below a prefix in it.

    Args:
        place: `s3://bucket/prefix`.
        key: ARN of the KMS key that encrypts what is written; empty: the bucket's own.
        owner: the account that the bucket must belong to; empty: any.
    """

    def __init__(self, place: str, key: str = "", owner: str = "") -> None:
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._bucket = {"Bucket": bucket, **expected_owner(owner)}
        self._encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": True}
            if key
            else {}
        )

    def put(self, key: str, content: bytes) -> bool:
        """See `CapturePlace`; S3 itself refuses a key that is taken."""
        body = {"Body": content, "ContentType": "application/jsonlines", "IfNoneMatch": "*"}
        told = {**self._encryption, **body, "Key": f"{self._prefix}{key}"}
        return self._ask("put_object", _TAKEN, told) is not None

    def get(self, key: str) -> bytes | None:
        """See `CapturePlace`."""
        found = self._ask("get_object", _GONE, {"Key": f"{self._prefix}{key}"})
        return None if found is None else self._read(found["Body"])

    def _read(self, body: Any) -> bytes:
        from botocore.exceptions import HTTPClientError

        try:
            content: bytes = body.read(LONGEST_OBJECT)
        except HTTPClientError as error:  # it breaks off
            raise CaptureUnreachable(reason_of(error)) from error
        return content

    def _ask(
        self, operation: str, expected: frozenset[str], told: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Return S3's answer; None for an error with an expected code."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise CaptureUnreachable("boto3 is not installed") from error
        try:
            found: Mapping[str, Any] = getattr(self._s3, operation)(**self._bucket, **told)
        except ClientError as error:
            if error.response["Error"]["Code"] in expected:
                return None
            raise CaptureUnreachable(reason_of(error)) from error
        except BotoCoreError as error:
            raise CaptureUnreachable(reason_of(error)) from error
        return found

    @cached_property
    def _s3(self) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        # One more try: an answer on Lambda waits for this.
        patience = Config(
            connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"total_max_attempts": 2}
        )
        return Session().client("s3", config=patience)
