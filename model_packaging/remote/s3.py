"""`s3://bucket/key`: an object, or all objects below a prefix.

The revision of an object is its version id, or its ETag in a bucket without versions. That of a
prefix is a digest of what it lists: keys, sizes and ETags.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from lading.functions.inference.artifact.reading import sha256
from lading.model_packaging.documents import canonical
from lading.model_packaging.remote.kind import OnBytes, RemoteKind, Room, SourceUnfetched, missing
from lading.model_packaging.store.s3_refusals import refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST_OBJECTS: Final = 2_000
_PART: Final = 1 << 20
_VERSION, _ETAG, _LIST = "version:", "etag:", "list:"


def _resolve(address: str) -> str:
    bucket, key = _parts(address)
    with _client(address, bucket) as client:
        if key and not key.endswith("/"):
            head = _head(client, bucket, key)
            if head is not None:
                return _revision(head)
        return _listed(_objects(client, address, bucket, key))


def _fetch(address: str, revision: str, folder: Path, on_bytes: OnBytes) -> None:
    bucket, key = _parts(address)
    with _client(address, bucket) as client:
        if not revision.startswith(_LIST):
            exact = (
                {"VersionId": revision.removeprefix(_VERSION)}
                if revision.startswith(_VERSION)
                else {"IfMatch": revision.removeprefix(_ETAG)}
            )
            _download(client, address, folder, on_bytes, {PurePosixPath(key).name: (key, exact)})
            return
        objects = _objects(client, address, bucket, key)
        if _listed(objects) != revision:
            reason = "has other objects than those that are pinned; `lading package --refresh`"
            raise SourceUnfetched(address, f"{reason} takes them as they are now")
        prefix = _prefix(key)
        wanted = {
            each["Key"].removeprefix(prefix): (each["Key"], {"IfMatch": each["ETag"]})
            for each in objects
        }
        total = sum(each["Size"] for each in objects)
        _download(client, address, folder, on_bytes, wanted, total)


def _download(  # noqa: PLR0913, PLR0917 all of one request
    client: "S3Client",
    address: str,
    folder: Path,
    on_bytes: OnBytes,
    wanted: dict[str, tuple[str, Any]],
    total: int = 0,
) -> None:
    """Download objects, by the name of the file that each becomes."""
    room, bucket = Room(address, folder, on_bytes, total), _parts(address)[0]
    for name, (key, exact) in wanted.items():
        found = client.get_object(Bucket=bucket, Key=key, **exact)
        room.require(found["ContentLength"])
        with room.place(name).open("wb") as file:
            for part in found["Body"].iter_chunks(_PART):
                room.took(len(part))
                file.write(part)


def _parts(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not bucket:
        raise SourceUnfetched(address, "names no bucket; use s3://bucket/key")
    return bucket, key


def _prefix(key: str) -> str:
    return f"{key.rstrip('/')}/" if key else ""


def _head(client: "S3Client", bucket: str, key: str) -> Any:
    """Return the description of an object; None if there is none."""
    from botocore.exceptions import ClientError

    try:
        return client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004
            return None
        raise


def _revision(head: Any) -> str:
    version = head.get("VersionId", "null")
    return f"{_ETAG}{head['ETag']}" if version == "null" else f"{_VERSION}{version}"


def _objects(client: "S3Client", address: str, bucket: str, key: str) -> list[Any]:
    """Return the objects below a prefix, sorted by key; those that stand for folders are left."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_prefix(key))
    found: list[Any] = []
    for page in pages:
        found += [each for each in page.get("Contents", ()) if not each["Key"].endswith("/")]
        if len(found) > _MOST_OBJECTS:
            raise SourceUnfetched(address, f"has more than {_MOST_OBJECTS} objects; name a prefix")
    if not found:
        raise SourceUnfetched(address, "is missing: there is no such object or prefix")
    return found


def _listed(objects: list[Any]) -> str:
    return _LIST + sha256(
        canonical([[each["Key"], each["Size"], each["ETag"]] for each in objects])
    )


@contextmanager
def _client(address: str, bucket: str) -> Iterator["S3Client"]:
    """Yield a client; its errors become ours."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        raise SourceUnfetched(address, missing("boto3", "cloud")) from error
    try:
        client = boto3.session.Session().client("s3")
        try:
            yield client
        finally:
            client.close()
    except (BotoCoreError, ClientError) as error:
        raise SourceUnfetched(address, refusal(error, bucket)) from error


S3 = RemoteKind(("s3://",), "s3://bucket/models/churn.onnx", resolve=_resolve, fetch=_fetch)
