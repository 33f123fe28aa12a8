"""JSON Lines: an object for each row. NaN and Infinity are null, as in the plain dialect."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lading.batch.outputs.part import OutputFormat, Part
from lading.functions.inference.batches.answering import Column
from lading.functions.inference.tensors import json_values as json_codec

_BUFFER = 1 << 20


class JsonLines(OutputFormat):
    """Answers as JSON Lines."""

    def write(self, part: Part, path: Path) -> None:
        """See `OutputFormat.write`."""
        with path.open("wb") as file:
            file.writelines(encoded_lines(part))

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:  # noqa: ARG002
        """See `OutputFormat.assemble`."""
        with target.open("wb") as whole:
            for each in parts:
                with each.open("rb") as part:
                    shutil.copyfileobj(part, whole, _BUFFER)


def encoded_lines(part: Part) -> list[bytes]:
    """Return a line of JSON for each row."""
    names = [name for name, _ in part.columns()]
    columns = [_values(column) for _, column in part.columns()]
    return [
        json_codec.dumps(dict(zip(names, row, strict=True)), bare_tokens=False) + b"\n"
        for row in zip(*columns, strict=True)
    ]


def _values(column: Column) -> list[object]:
    if isinstance(column, list):
        return [json_codec.to_text(each) for each in column]
    text = json_codec.to_text(column)
    return text if isinstance(text, list) else [*column]
