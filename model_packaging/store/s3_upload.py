"""Uploads objects to S3 on the condition that their key is free; nothing is ever overwritten.

A large object is uploaded in parts, each retried when it fails, so that only one part is in memory.
It appears with the last request, complete or not at all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 32 << 20
"""A larger object is uploaded in parts of this size."""

_MAX_PARTS = 10_000
_FREE: Final = "*"
_CHECKSUM: Final = "CRC32"
_CONFLICT, _TAKEN = 409, 412
_TRIES = 50

Pieces = Callable[[int], Iterable[bytes]]
"""Returns the content in pieces of a size, the last may be shorter; called again on a retry."""


class _UploadKeys(TypedDict):
    Bucket: str
    Key: str
    UploadId: str


def part_size(size: int) -> int:
    """Return the size of the parts for `size` bytes; S3 accepts 10,000 parts."""
    return max(PART_BYTES, -(-size // _MAX_PARTS))


@dataclass(frozen=True, slots=True)
class Upload:
    """The destination of an object, its type and metadata."""

    client: "S3Client"
    bucket: str
    key: str
    kind: str
    about: Mapping[str, str]

    def put(self, body: bytes) -> bool:
        """Write an object from memory; False if the key is taken."""

        def pieces(size: int) -> Iterator[bytes]:
            return (body[start : start + size] for start in range(0, len(body), size))

        return self.stream(len(body), pieces)

    def stream(self, size: int, pieces: Pieces) -> bool:
        """Write an object in pieces; False if the key is taken."""
        from botocore.exceptions import ClientError

        for _ in range(_TRIES):
            try:
                if size > PART_BYTES:
                    self._put_parts(pieces(part_size(size)))
                else:
                    self._put_whole(b"".join(pieces(PART_BYTES)))
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == _TAKEN:
                    return False
                if status != _CONFLICT:  # others are writing this key
                    raise
            else:
                return True
        return False

    def _put_whole(self, body: bytes) -> None:
        self.client.put_object(
            Bucket=self.bucket,
            Key=self.key,
            Body=body,
            ContentType=self.kind,
            Metadata=self.about,
            IfNoneMatch=_FREE,
        )

    def _put_parts(self, pieces: Iterable[bytes]) -> None:
        upload = self.client.create_multipart_upload(
            Bucket=self.bucket,
            Key=self.key,
            ContentType=self.kind,
            Metadata=self.about,
            ChecksumAlgorithm=_CHECKSUM,
        )["UploadId"]
        place: _UploadKeys = {"Bucket": self.bucket, "Key": self.key, "UploadId": upload}
        with ExitStack() as failing:  # an interrupt, too, must not leave parts that cost money
            failing.callback(self.client.abort_multipart_upload, **place)
            parts = [self._put_part(place, number, body) for number, body in enumerate(pieces, 1)]
            self.client.complete_multipart_upload(
                **place, MultipartUpload={"Parts": parts}, IfNoneMatch=_FREE
            )
            failing.pop_all()

    def _put_part(self, place: "_UploadKeys", number: int, body: bytes) -> "CompletedPartTypeDef":
        sent = self.client.upload_part(
            **place, PartNumber=number, Body=body, ChecksumAlgorithm=_CHECKSUM
        )
        part: CompletedPartTypeDef = {"PartNumber": number, "ETag": sent["ETag"]}
        if "ChecksumCRC32" in sent:
            part["ChecksumCRC32"] = sent["ChecksumCRC32"]
        return part
