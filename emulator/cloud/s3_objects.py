"""Objects in S3, by their `s3://` addresses; boto3 is imported when the first is touched."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


class S3Objects:
    """Reads and writes objects where the environment leads AWS's client."""

    def read(self, address: str) -> bytes:
        """An object's content.

        Raises:
            OSError: it cannot be read.
        """
        bucket, key = _split(address)

        def get() -> bytes:
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())

        return self._call(get)

    def write(self, address: str, content: bytes, content_type: str) -> None:
        """Write an object.

        Raises:
            OSError: it cannot be written.
        """
        bucket, key = _split(address)

        def put() -> None:
            self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

        self._call(put)

    @cached_property
    def _client(self) -> Any:
        from boto3.session import Session

        session: Any = Session()
        return session.client("s3")

    def _call(self, work: Callable[[], T]) -> T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return work()
        except (BotoCoreError, ClientError) as error:
            raise OSError(str(error)) from error


def _split(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise OSError(f"'{address[:200]}' is no s3://bucket/key")
    return parts.netloc, parts.path.lstrip("/")
