"""A folder with a file of JSON for each row, named after its input file or its number."""

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lading.batch.outputs.lines import JsonLines
from lading.functions.inference.batches.lines import FILE, ROW


class FolderOfAnswers(JsonLines):
    """Answers as `<row>.json`, or `<folder>/<file>.json` where the input is a folder."""

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:  # noqa: ARG002
        """See `OutputFormat.assemble`."""
        target.mkdir()
        for each in parts:
            with each.open("rb") as lines:
                for line in lines:
                    found = json.loads(line)
                    path = target / PurePosixPath(f"{found.get(FILE, found[ROW])}.json")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(line)
