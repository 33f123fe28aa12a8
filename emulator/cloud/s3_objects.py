"""S3 objects by their `s3://` addresses; the first use imports boto3."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit


class S3Objects:
    """Reads and writes objects with the credentials and endpoint of the environment."""

    def read(self, address: str) -> bytes:
        """Return an object's content.

        Raises:
            OSError: it cannot be read.
        """
        bucket, key = _split(address)
        with _os_errors():
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def write(self, address: str, content: bytes, content_type: str) -> None:
        """Write an object.

        Raises:
            OSError: it cannot be written.
        """
        bucket, key = _split(address)
        with _os_errors():
            self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    @cached_property
    def _client(self) -> Any:
        from boto3.session import Session

        session: Any = Session()
        return session.client("s3")


@contextmanager
def _os_errors() -> Iterator[None]:
    """Raise errors of AWS's client as OSError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OSError(str(error)) from error


def _split(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise OSError(f"'{address[:200]}' must be an address as s3://bucket/key")
    return parts.netloc, parts.path.lstrip("/")
