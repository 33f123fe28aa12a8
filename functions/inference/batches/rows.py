"""Rows of a batch as they were read: not decoded yet, so that a damaged one harms no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from lading.functions.contract.errors import InvalidInput, MalformedRequest, UnsupportedMediaType
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import BYTES, Array
from lading.functions.inference.wire import media_requests

_CSV_WITH_NAMES = f"{media_requests.CSV}; header=present"


class Rows(Protocol):
    """Some rows of a batch; they can be sent to another process."""

    def __len__(self) -> int:
        """Return how many there are."""

    def sizes(self) -> Sequence[int]:
        """Return roughly the bytes of each row."""

    def taken(self, places: Sequence[int]) -> "Rows":
        """Return the rows at these places, in their order."""

    def inputs(self, metadata: ModelMetadata) -> dict[str, Array]:
        """Decode: return an array for each input of the model, with one item for each row.

        Raises:
            InferenceError: a row cannot be read as the model's inputs.
        """


@dataclass(frozen=True, slots=True)
class JsonRows(Rows):
    """Lines of JSON: each is a value, or an object with a key for each input.

    Args:
        lines: the lines; none is blank.
    """

    lines: Sequence[bytes]

    def __len__(self) -> int:
        """See `Rows`."""
        return len(self.lines)

    def sizes(self) -> Sequence[int]:
        """See `Rows.sizes`."""
        return list(map(len, self.lines))

    def taken(self, places: Sequence[int]) -> "JsonRows":
        """See `Rows.taken`."""
        return JsonRows([self.lines[place] for place in places])

    def inputs(self, metadata: ModelMetadata) -> dict[str, Array]:
        """See `Rows.inputs`."""
        body = b"\n".join(self.lines)
        return media_requests.decode(media_requests.JSON_LINES, body, metadata)


@dataclass(frozen=True, slots=True)
class CommaRows(Rows):
    """Rows of CSV: a column for each input, or all columns are the one input.

    Args:
        header: the names of the columns, as a row of CSV.
        lines: the other rows; none is blank.
    """

    header: bytes
    lines: Sequence[bytes]

    def __len__(self) -> int:
        """See `Rows`."""
        return len(self.lines)

    def sizes(self) -> Sequence[int]:
        """See `Rows.sizes`."""
        return list(map(len, self.lines))

    def taken(self, places: Sequence[int]) -> "CommaRows":
        """See `Rows.taken`."""
        return CommaRows(self.header, [self.lines[place] for place in places])

    def inputs(self, metadata: ModelMetadata) -> dict[str, Array]:
        """See `Rows.inputs`."""
        body = b"\n".join((self.header, *self.lines))
        return media_requests.decode(_CSV_WITH_NAMES, body, metadata)


@dataclass(frozen=True, slots=True)
class FileRows(Rows):
    """Files, each of which is the value of the model's only input: images, or texts.

    Args:
        files: the content of each file, or its path, which is read when it is needed.
    """

    files: Sequence[Path | bytes]

    def __len__(self) -> int:
        """See `Rows`."""
        return len(self.files)

    def sizes(self) -> Sequence[int]:
        """See `Rows.sizes`."""
        return [len(file) if isinstance(file, bytes) else _size(file) for file in self.files]

    def taken(self, places: Sequence[int]) -> "FileRows":
        """See `Rows.taken`."""
        return FileRows([self.files[place] for place in places])

    def inputs(self, metadata: ModelMetadata) -> dict[str, Array]:
        """See `Rows.inputs`."""
        if len(metadata.inputs) != 1 or metadata.inputs[0].datatype != BYTES:
            kinds = ", ".join(f"{spec.name} ({spec.datatype})" for spec in metadata.inputs)
            raise UnsupportedMediaType("files", (f"rows for the inputs {kinds}",))
        (spec,) = metadata.inputs
        values = np.empty(len(self.files), np.object_)
        values[:] = [_content(file, spec.name) for file in self.files]
        return {spec.name: values.reshape(-1, *[1] * (len(spec.shape) - 1))}


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # it is gone; reading it says so
        return 0


def _content(file: Path | bytes, name: str) -> bytes:
    if isinstance(file, bytes):
        return file
    try:
        return file.read_bytes()
    except OSError as error:
        reason = f"cannot be read from {file.name}: {error.strerror}"
        raise InvalidInput(name, reason) from error


def require_rows(inputs: dict[str, Array], count: int) -> None:
    """Check that decoded inputs have one item for each row.

    Raises:
        MalformedRequest: they have more, or fewer.
    """
    for name, array in inputs.items():
        if array.shape[:1] != (count,):
            found = array.shape[0] if array.ndim else "no"
            raise MalformedRequest(f"{count} rows have {found} values of input '{name}'")
