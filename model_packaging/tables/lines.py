"""JSON Lines: one object a row, its keys the columns; a value may be a list."""

import json
from pathlib import Path
from typing import Any

from lading.model_packaging.tables.table import Table, Unreadable


class JsonLines:
    """See `table.Format`."""

    suffix = ".jsonl"

    def size(self, path: Path) -> int:
        """See `Format.size`."""
        return path.stat().st_size

    def read(self, path: Path) -> Table:
        """See `Format.read`."""
        table: dict[str, list[Any]] = {}
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    _add(table, _row(line, number), number)
        return table


def _row(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"line {number} is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise Unreadable(f"line {number} is no JSON object, as each row must be")
    return row


def _add(table: dict[str, list[Any]], row: dict[str, Any], number: int) -> None:
    if table and row.keys() != table.keys():
        odd = min(row.keys() ^ table.keys())
        raise Unreadable(f"line {number} {'has' if odd in row else 'lacks'} '{odd}', unlike others")
    for name, value in row.items():
        table.setdefault(name, []).append(value)


FORMAT = JsonLines()
