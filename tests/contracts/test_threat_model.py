"""Every line of the threat model about who may do what names a test that exists."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| may(?: not)? \| .*$", MODEL, re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)` \|$")


@cache
def proofs_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_every_line_names_a_test_that_exists() -> None:
    assert len(LINES) > 30
    for line in LINES:
        found = NAMED.search(line)
        assert found, f"names no test: {line}"
        path, name = found.groups()
        assert name in proofs_in(path), f"{path} has no {name}"
