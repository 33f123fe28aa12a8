"""CSV with a header line: a column for each number of an output, such as `scores_0`, `scores_1`.

An output of higher rank, or whose rows differ in shape, is JSON in one cell.
"""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lading.batch.errors import OutputUnusable
from lading.batch.outputs.part import AnsweredRows, OutputFormat
from lading.functions.inference.batches.answering import Column
from lading.functions.inference.batches.lines import ROW
from lading.functions.inference.tensors import json_values as json_codec

_VECTOR = 2
_BUFFER = 1 << 20


class CommaSeparated(OutputFormat):
    """Answers as CSV."""

    def write(self, part: AnsweredRows, path: Path) -> None:
        """See `OutputFormat.write`."""
        columns = [cells for named in part.columns() for cells in _cells(*named)]
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([name for name, _ in columns])
        writer.writerows(zip(*(values for _, values in columns), strict=True))
        path.write_text(text.getvalue(), encoding="utf-8", newline="")

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:
        """See `OutputFormat.assemble`."""
        header = b""
        with target.open("wb") as whole:
            if not parts:
                whole.write(",".join((ROW, *outputs)).encode() + b"\n")
            for each in parts:
                with each.open("rb") as part:
                    found = part.readline()
                    if not header:
                        header = found
                        whole.write(found)
                    elif found != header:
                        reason = "the answers differ in shape; write .jsonl or .parquet"
                        raise OutputUnusable(str(target), reason)
                    shutil.copyfileobj(part, whole, _BUFFER)


def _cells(name: str, column: Column) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield the columns of CSV that one output becomes."""
    if isinstance(column, list) or column.ndim > _VECTOR:
        yield name, [_json(row) for row in column]
        return
    values = json_codec.to_lists(column) if column.dtype.kind != "O" else json_codec.to_text(column)
    if column.ndim == 1:
        yield name, values
        return
    width = column.shape[1]
    for place in range(width):
        yield (f"{name}_{place}" if width > 1 else name), [row[place] for row in values]


def _json(row: Any) -> str:
    return json_codec.dumps(json_codec.to_text(row), bare_tokens=False).decode()
