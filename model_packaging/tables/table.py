"""Files of rows, independent of their format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.functions.inference.tensors.conversion import Array


class Unreadable(ValueError):
    """The file cannot be read; the text says why, and at which line."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column of texts of unknown type; `lines` are their line numbers."""

    texts: list[str]
    lines: list[int]

    def require_all(self, name: str, why: str) -> None:
        """Require that no cell is empty.

        Raises:
            Unreadable: a cell is empty; the text has its line and the reason.
        """
        for text, line in zip(self.texts, self.lines, strict=True):
            if not text:
                raise Unreadable(f"line {line}, column '{name}' is empty; {why}")

    def numbers(self, name: str) -> list[float] | list[int]:
        """Return the cells as numbers, as integers if all are; an empty cell is NaN.

        Raises:
            Unreadable: a cell is not a number; the text has its line.
        """
        try:
            return list(map(int, self.texts))
        except ValueError:
            return [self._number(name, *each) for each in zip(self.texts, self.lines, strict=True)]

    def _number(self, name: str, text: str, line: int) -> float:
        try:
            return float(text or "nan")
        except ValueError:
            where, truth = f"line {line}, column '{name}'", text.lower() in {"true", "false"}
            advice = "; give that input the datatype BOOL in models.yaml" if truth else ""
            raise Unreadable(f"{where}: '{text[:40]}' is not a number{advice}") from None

    def booleans(self, name: str) -> list[bool]:
        """Return the cells as true or false.

        Raises:
            Unreadable: a cell is neither; the text has its line.
        """
        known = {"true": True, "false": False, "1": True, "0": False}
        for text, line in zip(self.texts, self.lines, strict=True):
            if text.lower() not in known:
                where = f"line {line}, column '{name}'"
                raise Unreadable(f"{where}: '{text[:40]}' is neither true nor false")
        return [known[text.lower()] for text in self.texts]


Column = Array | list[Any] | Cells
"""An array of one dtype, JSON values, or texts of unknown type."""

Table = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Format:
    """One format of files of rows.

    Args:
        suffix: the suffix of its files.
        size: returns roughly the bytes that a file takes in memory, without reading it.
        read: returns the columns, by name.

    Both functions raise Unreadable when the file is damaged, and OSError when it cannot be opened.
    """

    suffix: str
    size: Callable[[Path], int]
    read: Callable[[Path], Table]


def file_size(path: Path) -> int:
    """Return the size of a file of text, which takes about as much in memory."""
    return path.stat().st_size
