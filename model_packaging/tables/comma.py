"""Comma-separated values with a header line, in UTF-8 (RFC 4180)."""

import csv
from pathlib import Path

from lading.model_packaging.tables.table import Cells, Format, Table, Unreadable, file_size


def _read(path: Path) -> Table:
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            for row in reader:
                if row:
                    rows.append(_checked(row, header, reader.line_num))
                    lines.append(reader.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"is not a .csv file in UTF-8: {error}") from error
    return {name: Cells(list(texts), lines) for name, texts in _columns(header, rows).items()}


def _checked(row: list[str], header: list[str], line: int) -> list[str]:
    if len(row) != len(header):
        raise Unreadable(f"line {line} has {len(row)} cells, but the header has {len(header)}")
    return row


def _columns(header: list[str], rows: list[list[str]]) -> dict[str, tuple[str, ...]]:
    names = [name.strip() for name in header]
    for name in names:
        if names.count(name) > 1:
            raise Unreadable(f"has two columns '{name}'")
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


FORMAT = Format(".csv", file_size, _read)
