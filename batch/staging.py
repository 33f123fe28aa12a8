"""An input on its way to the cloud: its chunks as objects, or the objects that are there already.

The name of a chunk is the number of its first row, so it is uploaded once, whatever is interrupted.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from lading.batch.errors import InputUnusable
from lading.batch.s3 import SCHEME, split
from lading.batch.sources.arrays import ArrayRows, is_table
from lading.batch.sources.source import Chunk, ChunkSize, RowSource
from lading.functions.inference.batches.rows import CommaRows, FileRows, JsonRows
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors import json_values as json_codec

Kind = Literal["chunks", "files", "rows"]
MOST_ROWS: Mapping[Kind, int] = MappingProxyType({"files": 16, "rows": 500})
"""The most rows of a part whose rows a Map groups; the others are chunks."""

LONGEST_LINE = 200_000
"""The most bytes of a row that a Map reads; its part, with what is around it, has 256 KiB."""

_LINES = frozenset({".jsonl", ".ndjson"})


class StagedObject(NamedTuple):
    """An object of an input: its name below the input's prefix, its content, and its rows."""

    name: str
    content: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class CloudInput:
    """Where the state machine reads the rows of a batch.

    Args:
        kind: what its items are; see `functions.inference.batches.event`.
        bucket: the bucket.
        prefix: the key, or the start of the keys.
    """

    kind: Kind
    bucket: str
    prefix: str


def in_place(address: str) -> CloudInput | None:
    """Return how an input in S3 is read where it is; None where it must be staged.

    Lines of JSON and folders of files are read by the Map itself. CSV is not: a Map fills up a row
    that is too short, cuts one that is too long, and drops backslashes.
    """
    if not address.startswith(SCHEME):
        return None
    bucket, key = split(address)
    suffix = PurePosixPath(key).suffix
    if suffix in _LINES:
        return CloudInput("rows", bucket, key)
    if not suffix:
        return CloudInput("files", bucket, f"{key.rstrip('/')}/" if key else "")
    return None


def kind_of(address: str) -> Kind:
    """Return what the items of an input are; `in_place` says where they are read."""
    there = in_place(address)
    if there is not None:
        return there.kind
    return "files" if not address.startswith(SCHEME) and Path(address).is_dir() else "chunks"


def staged(source: RowSource, size: ChunkSize, metadata: ModelMetadata) -> Iterator[StagedObject]:
    """Yield the objects of an input that is here: a chunk each, or a file each.

    Raises:
        InputUnusable: the input is damaged, or a file of it cannot be read.
    """
    for chunk in source.chunks(size):
        yield from _objects(chunk, metadata)


def _objects(chunk: Chunk, metadata: ModelMetadata) -> Iterator[StagedObject]:
    rows, name = chunk.rows, f"{chunk.first:012}"
    if isinstance(rows, FileRows):
        for file, path in zip(chunk.files, rows.files, strict=True):
            yield StagedObject(file, path if isinstance(path, bytes) else _content(path), 1)
    elif isinstance(rows, CommaRows):
        lines = b"\n".join((rows.header, *rows.lines))
        yield StagedObject(f"{name}.csv", lines, len(rows))
    elif isinstance(rows, JsonRows):
        yield StagedObject(f"{name}.jsonl", b"\n".join(rows.lines), len(rows))
    else:
        assert isinstance(rows, ArrayRows)
        yield StagedObject(f"{name}.jsonl", _array_lines(rows, metadata), len(rows))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputUnusable(str(path), f"cannot be read: {error.strerror}") from error


def _array_lines(rows: ArrayRows, metadata: ModelMetadata) -> bytes:
    """Return rows of arrays as lines of JSON; what is wrong with one is found where it is read."""
    columns = dict(rows.columns)
    if is_table(tuple(columns), metadata):
        columns = {metadata.inputs[0].name: np.column_stack([*columns.values()])}
    elif len(columns) == 1 == len(metadata.inputs):
        columns = {metadata.inputs[0].name: next(iter(columns.values()))}
    values = [
        _in_json(array.tolist()) if array.dtype.kind in "OS" else json_codec.to_lists(array)
        for array in columns.values()
    ]
    return b"\n".join(
        json_codec.dumps(dict(zip(columns, row, strict=True))) for row in zip(*values, strict=True)
    )


def _in_json(value: Any) -> Any:
    """Return lists whose bytes are text, or `{"b64": ...}` where they are none."""
    if isinstance(value, list):
        return [_in_json(each) for each in value]
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": b64encode(value).decode()}
