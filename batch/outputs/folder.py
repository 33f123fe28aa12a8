"""A folder with a file of JSON for each row, named after its input file or its number."""

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lading.batch.errors import OutputUnusable
from lading.batch.outputs.lines import JsonLines
from lading.functions.inference.batches.lines import FILE, ROW


class FolderOfAnswers(JsonLines):
    """Answers as `<row>.json`, or `<folder>/<file>.json` where the input is a folder."""

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:  # noqa: ARG002
        """See `OutputFormat.assemble`."""
        target.mkdir()
        inside = target.resolve()
        for each in parts:
            with each.open("rb") as lines:
                for line in lines:
                    found = json.loads(line)
                    name = found.get(FILE, found[ROW])
                    path = target / PurePosixPath(f"{name}.json")
                    if not path.resolve().is_relative_to(inside):
                        reason = f"the answer to '{name}' would be outside it; write .jsonl"
                        raise OutputUnusable(str(target), reason)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(line)
