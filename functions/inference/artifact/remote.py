"""An artifact read from S3 into memory, for a model that is too large for a layer.

Nothing is written to disk. The version of the object is pinned, and the digests are verified as
for a folder. boto3 is imported when the first such model is loaded; Lambda's Python runtime
contains it.
"""

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from lading.functions.contract.errors import ArtifactUnreachable
from lading.functions.contract.names import (
    S3Object,
    artifact_archive,
    artifact_folder,
    attestation_object,
    expected_owner,
)
from lading.functions.inference.artifact.archive import unpack
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import Artifact

T = TypeVar("T")

_CONNECT_S: Final = 5
_READ_S: Final = 30
_ATTEMPTS: Final = 5
_READINGS: Final = 3
"""How often the whole body is read; botocore repeats only what fails before the body."""


def read_remote(place: S3Object, name: str, version: int, digest: str | None) -> Artifact:
    """Read and verify an artifact.

    Args:
        place: the version of the object.
        name: the model that it must contain.
        version: the version that it must contain.
        digest: expected SHA-256 of `artifact.json`, from the lock; None accepts any.

    Raises:
        ArtifactUnreachable: it cannot be read from S3.
        ArtifactError: it is not what was published.
    """
    contents = _fetch(place, name, version)
    return read_artifact(Path(artifact_folder(name, version)), digest, contents)


def read_remote_attestation(
    place: S3Object, name: str, version: int, digest: str, limit: int
) -> bytes | None:
    """Return the signature beside an artifact in S3, unverified; None if it has none.

    Args:
        place: the version of the artifact's object.
        name: the model.
        version: its version.
        digest: SHA-256 of its `artifact.json`.
        limit: bytes to read at most.

    Raises:
        ArtifactUnreachable: S3 cannot be read.
    """
    shown = attestation_object(name, version, digest)
    key = place.key.removesuffix(artifact_archive(name, version)) + shown
    wanted = {"Bucket": place.bucket, "Key": key, **expected_owner(place.owner)}
    try:
        return _read(shown, wanted, lambda body, _size: bytes(body.read(limit)))
    except ArtifactUnreachable as error:
        if error.reason == "NoSuchKey":
            return None
        raise


def _fetch(place: S3Object, name: str, version: int) -> dict[str, bytes]:
    return _read(
        artifact_archive(name, version),
        {
            "Bucket": place.bucket,
            "Key": place.key,
            "VersionId": place.version_id,
            **expected_owner(place.owner),
        },
        lambda body, size: unpack(body, size, name, version),
    )


def _read(shown: str, wanted: Mapping[str, Any], use: Callable[[Any, int], T]) -> T:
    """Return what `use` makes of an object's body and its length.

    Args:
        shown: the object's name in errors.
        wanted: the object.
        use: reads the body; it is called again if the body was cut off, or changed on its way.

    Raises:
        ArtifactUnreachable: the object cannot be read.
    """
    try:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise ArtifactUnreachable(shown, "boto3 is not installed") from error
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    try:
        with closing(Session().client("s3", config=config)) as client:
            for _ in range(_READINGS - 1):
                found = client.get_object(**wanted)
                with suppress(BotoCoreError):
                    return use(found["Body"], found["ContentLength"])
            found = client.get_object(**wanted)
            return use(found["Body"], found["ContentLength"])
    except ClientError as error:
        code = error.response["Error"].get("Code", "no reason given")  # its message names buckets
        raise ArtifactUnreachable(shown, code) from error
    except BotoCoreError as error:
        raise ArtifactUnreachable(shown, type(error).__name__) from error
