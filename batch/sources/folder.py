"""A folder of images or texts: each file is a row, in the order of their names."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lading.batch.errors import InputUnusable
from lading.batch.sources.source import Chunk, ChunkSize, RowSource
from lading.batch.sources.stated import identity_of
from lading.functions.inference.batches.rows import FileRows
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import BYTES


@dataclass(frozen=True)
class FolderOfFiles(RowSource):
    """A folder, with the folders below it; files whose names begin with a dot are not rows.

    Args:
        path: the folder.
    """

    path: Path

    @cached_property
    def _names(self) -> list[str]:
        """The paths of the files below the folder: a hundred bytes in memory for each row."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        names = (path.relative_to(self.path) for path in found)
        return sorted(
            name.as_posix()
            for name in names
            if not any(part.startswith(".") for part in name.parts)
        )

    @property
    def size(self) -> int:
        """See `RowSource.size`; in rows."""
        return len(self._names)

    def identity(self) -> str:
        """See `RowSource.identity`."""
        return identity_of(self.path / name for name in self._names)

    def check(self, metadata: ModelMetadata) -> None:
        """See `RowSource.check`."""
        if not self._names:
            raise InputUnusable(str(self.path), "has no files")
        if [spec.datatype for spec in metadata.inputs] != [BYTES]:
            raise InputUnusable(
                str(self.path),
                f"is a folder of files, but model '{metadata.name}' does not read files: it "
                f"requires {', '.join(f'{it.name} ({it.datatype})' for it in metadata.inputs)}",
            )

    def chunks(self, size: ChunkSize) -> Iterator[Chunk]:
        """See `RowSource.chunks`; the workers read the files, some at a time."""
        step = max(1, size.rows // 16)
        for number, first in enumerate(range(0, len(self._names), step)):
            names = self._names[first : first + step]
            rows = FileRows([self.path / name for name in names])
            yield Chunk(number, first, rows, len(names), tuple(names))
