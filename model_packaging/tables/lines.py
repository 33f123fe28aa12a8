"""JSON Lines: one object for each row, with a key for each column; a value may be a list."""

import json
from pathlib import Path
from typing import Any

from lading.model_packaging.tables.table import Format, Table, Unreadable, file_size


def _read(path: Path) -> Table:
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
        raise Unreadable(f"line {number} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise Unreadable(f"line {number} must be a JSON object")
    return row


def _add(table: dict[str, list[Any]], row: dict[str, Any], number: int) -> None:
    if table and row.keys() != table.keys():
        odd = min(row.keys() ^ table.keys())
        raise Unreadable(
            f"line {number} {'has' if odd in row else 'lacks'} '{odd}', unlike the others"
        )
    for name, value in row.items():
        table.setdefault(name, []).append(value)


FORMAT = Format(".jsonl", file_size, _read)
