"""JSON Lines: an object for each row. NaN and Infinity are null, as in the plain dialect."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lading.batch.outputs.part import AnsweredRows, OutputFormat
from lading.functions.inference.batches.lines import encoded_lines

_BUFFER = 1 << 20


class JsonLines(OutputFormat):
    """Answers as JSON Lines."""

    def write(self, part: AnsweredRows, path: Path) -> None:
        """See `OutputFormat.write`."""
        with path.open("wb") as file:
            file.writelines(encoded_lines(part.columns()))

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:  # noqa: ARG002
        """See `OutputFormat.assemble`."""
        with target.open("wb") as whole:
            for each in parts:
                with each.open("rb") as part:
                    shutil.copyfileobj(part, whole, _BUFFER)
