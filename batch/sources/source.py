"""Where a batch's rows come from, independent of the format."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from lading.functions.inference.batches.rows import Rows
from lading.functions.inference.models.predictor import ModelMetadata


class ChunkSize(NamedTuple):
    """Where a chunk ends: at the first of these limits.

    Args:
        rows: the most rows.
        bytes: the most bytes, except for a row that is larger alone.
    """

    rows: int = 4096
    bytes: int = 4 << 20


class Chunk(NamedTuple):
    """Rows that are answered, and whose answers are kept, together.

    Args:
        number: the chunk's number, from 0.
        first: the number of its first row in the input, from 0.
        rows: its rows.
        size: how much of the input it is, in the unit of `RowSource.size`.
        files: the name of each row's file, where the input is a folder.
    """

    number: int
    first: int
    rows: Rows
    size: int
    files: tuple[str, ...] = ()


class RowSource(Protocol):
    """An input that was opened; it always has the same chunks, for the same sizes of chunks."""

    @property
    def size(self) -> int:
        """The whole input, in bytes or in rows, for the progress."""

    def identity(self) -> str:
        """Return what changes when the input does."""

    def check(self, metadata: ModelMetadata) -> None:
        """Check that the input has the columns of the model, before any row is read.

        Raises:
            InputUnusable: it lacks one, or has more.
        """

    def chunks(self, size: ChunkSize) -> Iterator[Chunk]:
        """Yield the rows in chunks; no more than one is in memory.

        Raises:
            InputUnusable: the input is damaged.
        """
