"""Reads columns of images in files of rows: paths below the file's folder, or image files.

| in the column                            | meaning                               |
|------------------------------------------|---------------------------------------|
| text                                     | a path, from the data file's folder   |
| bytes, in Parquet                        | the image                             |
| `{"bytes": ..., "path": ...}` in Parquet | the image, in the form of `datasets`  |
| `{"b64": "..."}` in JSON Lines           | the image                             |
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array, from_json
from lading.model_packaging.converters.huggingface.folder import PROCESSOR
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.tables.registry import MAX_BYTES, read_table
from lading.model_packaging.tables.table import Cells, Column, Unreadable

IMAGE = "image"
"""The input of every model of image files."""


def takes_images(spec: ModelSpec) -> bool:
    """Return whether callers send image files to the model."""
    return spec.image is not None or (spec.source / PROCESSOR).is_file()


def has_images(steps: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether one of these steps gets image files from callers."""
    return any(step.get("step") == "image" for step in steps)


def as_files(contents: Iterable[bytes]) -> Array:
    """Return files as the service represents them: an object array of `bytes`, [files]."""
    given = list(contents)
    array: Array = np.empty(len(given), np.object_)
    array[:] = given
    return array


def read_images(column: Column, folder: Path) -> Array:
    """Return the image files of a column, BYTES of shape [rows]; paths are below `folder`.

    Raises:
        Unreadable: a value has another type, or a path is missing or outside the folder.
        InvalidInput: base64 is invalid.
    """
    return as_files(_limited(_content(value, folder) for value in _values(column)))


def named_files(data: Path) -> tuple[Path, ...]:
    """Return the image files that a file of rows names, which count as part of it."""
    try:
        column = read_table(data).get(IMAGE, ())
        texts = [value for value in _values(column) if isinstance(value, str)]
        return tuple(_path(text, data.parent) for text in dict.fromkeys(texts))
    except Unreadable:
        return ()  # reading the rows reports why


def _values(column: Any) -> Iterable[Any]:
    return column.texts if isinstance(column, Cells) else column


def _content(value: Any, folder: Path) -> bytes:
    if isinstance(value, str):
        return _path(value, folder).read_bytes()
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        value = value["bytes"]
    if not isinstance(value, bytes | dict):
        raise Unreadable(
            f"has a {type(value).__name__} in '{IMAGE}', which must be a path or an image"
        )
    content: bytes = from_json([value], IMAGE, "BYTES")[0]
    return content


def _path(text: str, folder: Path) -> Path:
    path = folder / text
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Unreadable(f"names the image '{text}', which is outside {folder}")
    if not path.is_file():
        raise Unreadable(f"names the image '{text}', but {path} is missing")
    return path


def _limited(contents: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for content in contents:
        size += len(content)
        if size > MAX_BYTES:
            raise Unreadable(f"has images that exceed the limit of {MAX_BYTES:,} bytes together")
        yield content
