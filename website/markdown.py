"""Pieces of Markdown: tables, and texts that contain characters with a meaning in Markdown."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

_CODE = re.compile(r"(`[^`]*`)")
_ESCAPES = str.maketrans({"<": "&lt;", "*": r"\*", "_": r"\_", "[": r"\["})


def text(value: object) -> str:
    """Return a plain text as Markdown on one line; what is in backticks stays code."""
    parts = _CODE.split(" ".join(str(value).split()))
    return "".join(part if part.startswith("`") else part.translate(_ESCAPES) for part in parts)


def code(value: object) -> str:
    """Return a value as code; an empty one is empty."""
    return f"`{value}`" if str(value) else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines) + "\n"


def block(content: str, language: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{content.rstrip()}\n```\n"


def json_block(document: Any) -> str:
    """Return a document as a block of JSON."""
    return block(json.dumps(document, indent=2), "json")


def _cell(content: str) -> str:
    return content.replace("|", r"\|")
