"""NumPy's archives: an array for each output, whose first axis are the rows."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from lading.batch.errors import OutputUnusable
from lading.batch.outputs.part import AnsweredRows, OutputFormat
from lading.functions.inference.batches.lines import ROW
from lading.functions.inference.tensors.conversion import Array

_WAY_OUT = "write .jsonl or .parquet"


class ArchiveOfArrays(OutputFormat):
    """Answers as npz; it holds numbers only."""

    def write(self, part: AnsweredRows, path: Path) -> None:
        """See `OutputFormat.write`."""
        columns = {ROW: part.rows, **part.outputs}
        arrays: dict[str, Array] = {}
        for name, column in columns.items():
            if isinstance(column, list):
                reason = f"the rows of output '{name}' differ in shape; {_WAY_OUT}"
                raise OutputUnusable(str(path), reason)
            if column.dtype.kind == "O":
                raise OutputUnusable(str(path), f"output '{name}' holds texts; {_WAY_OUT}")
            arrays[name] = np.asarray(column)
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:
        """See `OutputFormat.assemble`."""
        names = (ROW, *(outputs if parts else ()))
        with ZipFile(target, "w", ZIP_STORED) as whole:
            for name in names:
                self._add(whole, name, parts, target)

    def _add(self, whole: ZipFile, name: str, parts: Sequence[Path], target: Path) -> None:
        """Add one array, part by part: a header with the number of all rows, then their values."""
        first = _array(parts[0], name) if parts else np.empty(0, np.int64)
        count = 0
        for each in parts:
            found = _array(each, name)
            if (found.dtype, found.shape[1:]) != (first.dtype, first.shape[1:]):
                reason = f"the answers of output '{name}' differ in shape; {_WAY_OUT}"
                raise OutputUnusable(str(target), reason)
            count += len(found)
        with whole.open(f"{name}.npy", "w", force_zip64=True) as member:
            description = np.lib.format.dtype_to_descr(first.dtype)
            np.lib.format.write_array_header_1_0(
                member,
                {"descr": description, "fortran_order": False, "shape": (count, *first.shape[1:])},
            )
            for each in parts:
                member.write(np.ascontiguousarray(_array(each, name)).tobytes())


def _array(part: Path, name: str) -> Array:
    with np.load(part, allow_pickle=False) as archive:
        found: Array = archive[name]
        return found
