"""Columns of images in files of rows: as paths below the file's folder, or as the files themselves.

| in the column                            | as                                    |
|------------------------------------------|---------------------------------------|
| text                                     | a path, from the data file's folder   |
| bytes, in Parquet                        | the image                             |
| `{"bytes": ..., "path": ...}` in Parquet | the image, as `datasets` writes it    |
| `{"b64": "..."}` in JSON Lines           | the image                             |
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array, from_json
from lading.model_packaging.converters.huggingface.folder import PROCESSOR
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.tables.registry import MAX_BYTES, read_table
from lading.model_packaging.tables.table import Cells, Column, Unreadable

IMAGE = "image"
"""The input of every model that takes image files."""


def takes_images(spec: ModelSpec) -> bool:
    """Whether callers send the model image files."""
    return spec.image is not None or (spec.source / PROCESSOR).is_file()


def as_files(contents: Iterable[bytes]) -> Array:
    """Files as the service carries them: an object array of `bytes`, of shape [files]."""
    given = list(contents)
    array: Array = np.empty(len(given), np.object_)
    array[:] = given
    return array


def read_images(column: Column, folder: Path) -> Array:
    """The image files of a column, BYTES of shape [rows]; paths are below `folder`.

    Raises:
        Unreadable: a value is none of these, or a path leads nowhere or out of the folder.
        InvalidInput: base64 is none.
    """
    return as_files(_limited(_content(value, folder) for value in _values(column)))


def named_files(data: Path) -> tuple[Path, ...]:
    """The files that a file of rows names as its images, which are as good as part of it."""
    try:
        column = read_table(data).get(IMAGE, ())
        texts = [value for value in _values(column) if isinstance(value, str)]
        return tuple(_path(text, data.parent) for text in dict.fromkeys(texts))
    except Unreadable:
        return ()  # whoever reads the rows says why


def _values(column: Any) -> Iterable[Any]:
    return column.texts if isinstance(column, Cells) else column


def _content(value: Any, folder: Path) -> bytes:
    if isinstance(value, str):
        return _path(value, folder).read_bytes()
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        value = value["bytes"]
    if not isinstance(value, bytes | dict):
        raise Unreadable(f"has a {type(value).__name__} in '{IMAGE}', not a path or an image")
    content: bytes = from_json([value], IMAGE, "BYTES")[0]
    return content


def _path(text: str, folder: Path) -> Path:
    path = folder / text
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Unreadable(f"names the image '{text}', which is not below {folder}")
    if not path.is_file():
        raise Unreadable(f"names the image '{text}', and {path} is not there")
    return path


def _limited(contents: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for content in contents:
        size += len(content)
        if size > MAX_BYTES:
            raise Unreadable(f"has images of more than the {MAX_BYTES:,} bytes that are read")
        yield content
