"""What a file of rows is, whatever its format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lading.functions.inference.tensors.conversion import Array


class Unreadable(ValueError):
    """The file cannot be read; the text says why, and where in it."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column of texts, whose meaning its reader does not know; `lines` are where they stand."""

    texts: list[str]
    lines: list[int]

    def require_all(self, name: str, why: str) -> None:
        """Require that no cell is empty.

        Raises:
            Unreadable: names the first empty one, with its line, and says why.
        """
        for text, line in zip(self.texts, self.lines, strict=True):
            if not text:
                raise Unreadable(f"line {line}, column '{name}' is empty; {why}")

    def numbers(self, name: str) -> list[float] | list[int]:
        """The cells as numbers, integers when all of them are; an empty one is NaN.

        Raises:
            Unreadable: the first that is none, with its line.
        """
        try:
            return list(map(int, self.texts))
        except ValueError:
            return [self._number(name, *each) for each in zip(self.texts, self.lines, strict=True)]

    def _number(self, name: str, text: str, line: int) -> float:
        try:
            return float(text or "nan")
        except ValueError:
            raise Unreadable(f"line {line}, column '{name}': '{text[:40]}' is no number") from None

    def booleans(self, name: str) -> list[bool]:
        """The cells as true or false.

        Raises:
            Unreadable: the first that is neither, with its line.
        """
        known = {"true": True, "false": False, "1": True, "0": False}
        for text, line in zip(self.texts, self.lines, strict=True):
            if text.lower() not in known:
                where = f"line {line}, column '{name}'"
                raise Unreadable(f"{where}: '{text[:40]}' is neither true nor false")
        return [known[text.lower()] for text in self.texts]


Column = Array | list[Any] | Cells
"""An array of one dtype, values as JSON has them, or texts of unknown meaning."""

Table = Mapping[str, Column]


class Format(Protocol):
    """One format of files of rows."""

    suffix: str

    def size(self, path: Path) -> int:
        """Bytes that the file takes in memory, about, found without reading it."""

    def read(self, path: Path) -> Table:
        """The columns, by name.

        Raises:
            Unreadable: it is damaged.
            OSError: it cannot be read at all.
        """
