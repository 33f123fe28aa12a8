"""The answers of a chunk, and what an output format does with them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from lading.functions.inference.batches.answering import Column
from lading.functions.inference.batches.lines import FILE, ROW
from lading.functions.inference.tensors.conversion import Array


class AnsweredRows(NamedTuple):
    """The answers of some rows.

    Args:
        rows: int64 [n], the numbers of the rows in the input, ascending.
        files: the name of each row's file; empty where the input is not a folder.
        outputs: the answers by output.
    """

    rows: Array
    files: Sequence[str]
    outputs: Mapping[str, Column]

    def columns(self) -> Iterator[tuple[str, Column]]:
        """Yield the columns with their names, in order."""
        yield ROW, self.rows
        if self.files:
            files = np.empty(len(self.files), np.object_)
            files[:] = [name.encode() for name in self.files]
            yield FILE, files
        yield from self.outputs.items()


class OutputFormat(Protocol):
    """A format of answers. A part is written by a worker; the parts then become the output."""

    def write(self, part: AnsweredRows, path: Path) -> None:
        """Write the answers of a chunk, of at least one row.

        Raises:
            OutputUnusable: the format cannot hold them.
        """

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:
        """Write the whole output, with no more than one part in memory.

        Args:
            parts: what `write` wrote, in order; may be none.
            target: the file or folder, which does not exist.
            outputs: the names of the model's outputs.

        Raises:
            OutputUnusable: the parts do not fit together.
        """
