"""Lists objects in S3, and groups those of a model by what belongs together."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lading.model_packaging.store.contents import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_GROUP = re.compile(
    r"(0|[1-9][0-9]*)/artifact\.zip$|golden/[0-9a-f]{64}\.json$|sha256/[0-9a-f]{64}/"
    r"|attestations/[0-9]+-[0-9a-f]{64}\.json$"
)


def list_objects(client: "S3Client", bucket: str, prefix: str) -> list["ObjectTypeDef"]:
    """Return the current objects below a prefix."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [each for page in pages for each in page.get("Contents", [])]


def group_objects(bucket: str, folder: str, objects: Iterable["ObjectTypeDef"]) -> list[Stored]:
    """Return the versions, golden requests, signatures and engines' files in a model's folder.

    What each version needs is not known yet. Objects with other names are not Lading's.
    """
    groups: dict[str, list[ObjectTypeDef]] = {}
    for each in objects:
        if found := _GROUP.match(each["Key"].removeprefix(folder)):
            groups.setdefault(found[0], []).append(each)
    return [_stored(bucket, folder, group, found) for group, found in sorted(groups.items())]


def _stored(bucket: str, folder: str, group: str, objects: Sequence["ObjectTypeDef"]) -> Stored:
    number = group.partition("/artifact.zip")[0]
    return Stored(
        place=f"s3://{bucket}/{folder}{group}",
        version=int(number) if number.isdecimal() else None,
        bytes=sum(each["Size"] for each in objects),
        modified=max(each["LastModified"] for each in objects),
        keys=tuple(each["Key"] for each in objects),
    )
