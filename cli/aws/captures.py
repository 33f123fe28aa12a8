"""Captured requests and truths, read from a folder or from S3.

A place is what the service writes to, a part of it, or any folder with files of SageMaker's data
capture.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Final

from lading.api.errors import AwsRefused, InputUnreadable
from lading.cli.errors import NothingCaptured
from lading.functions.contract.captured import (
    REQUESTS,
    TRUTHS,
    CapturedRequest,
    read_lines,
    read_truths,
)
from lading.functions.inference.capture.places import LONGEST_OBJECT
from lading.model_packaging.store.s3_refusals import refusal

_SCHEME: Final = "s3://"
_SUFFIX: Final = ".jsonl"
_AT_ONCE: Final = 16
_LONGEST_FILE: Final = 64 * LONGEST_OBJECT
"""SageMaker writes several requests into a file."""


def captured_requests(place: str, model: str, most: int) -> Iterator[CapturedRequest]:
    """Yield the requests of a model, of ours in random order, but the same order each time.

    Args:
        place: a folder, or s3://bucket/prefix.
        model: its name; requests that name none are taken, too.
        most: how many to read.

    Raises:
        NothingCaptured: there is none.
        InputUnreadable: a file is not one of captured requests.
        AwsRefused: S3 returned an error.
    """
    found = 0
    for name, content in _files(place, REQUESTS, model):
        try:
            for each in read_lines(content):
                if each.model in ("", model) and found < most:
                    found += 1
                    yield each
        except ValueError as error:
            raise InputUnreadable(name, str(error)) from error
        if found >= most:
            return
    if not found:
        raise NothingCaptured(place, f"captured requests of model '{model}'")


def captured_truths(place: str, model: str) -> Iterator[dict[str, Any]]:
    """Yield the truths about a model's answers: `id`, `truth`, and what the service added.

    Raises:
        InputUnreadable: a file is not one of truths.
        AwsRefused: S3 returned an error.
    """
    for name, content in _files(place, TRUTHS, model):
        try:
            yield from read_truths(content)
        except ValueError as error:
            raise InputUnreadable(name, str(error)) from error


def _files(place: str, prefix: str, model: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file, sorted: those of the model, or else all."""
    read = _objects if place.startswith(_SCHEME) else _local
    below = f"{place.rstrip('/')}/{prefix}{model}"
    first = next(files := read(below), None)
    if first is not None:
        yield first
        yield from files
    elif prefix == REQUESTS:
        yield from read(place)


def _local(folder: str) -> Iterator[tuple[str, bytes]]:
    root = Path(folder)
    paths = [root] if root.is_file() else sorted(root.rglob(f"*{_SUFFIX}"))
    for path in paths:
        try:
            with path.open("rb") as file:
                content = file.read(_LONGEST_FILE + 1)
        except OSError as error:
            raise InputUnreadable(str(path), str(error.strerror)) from error
        yield str(path), _whole(str(path), content)


def _objects(address: str) -> Iterator[tuple[str, bytes]]:
    from boto3.session import Session
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, prefix = address.removeprefix(_SCHEME).partition("/")
    try:
        client: Any = Session().client("s3")

        def read(key: str) -> tuple[str, bytes]:
            body = client.get_object(Bucket=bucket, Key=key)["Body"]
            name = f"{_SCHEME}{bucket}/{key}"
            return name, _whole(name, body.read(_LONGEST_FILE + 1))

        below = prefix if prefix.endswith(("/", _SUFFIX)) or not prefix else f"{prefix}/"
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below)
        keys = (
            each["Key"]
            for page in pages
            for each in page.get("Contents", ())
            if each["Key"].endswith(_SUFFIX)
        )
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while some := [*islice(keys, _AT_ONCE)]:
                yield from pool.map(read, some)
    except (BotoCoreError, ClientError) as error:
        raise AwsRefused(address, refusal(error, bucket)) from error


def _whole(name: str, content: bytes) -> bytes:
    if len(content) > _LONGEST_FILE:
        raise InputUnreadable(name, f"has more than {_LONGEST_FILE:,} bytes; split it")
    return content
