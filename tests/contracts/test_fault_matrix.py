"""docs/faults.md names a test for each fault, and there is that test."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/faults.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| fault |")
]
PROOFS = sorted({proof for row in TABLE for proof in re.findall(r"`([^`]+::\w+)`", row[2])})


def test_each_fault_has_a_proof() -> None:
    assert TABLE
    assert not [row[0] for row in TABLE if "::" not in row[2]]


@pytest.mark.parametrize("proof", PROOFS)
def test_each_proof_is_a_test(proof: str) -> None:
    file, _, name = proof.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    named = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert name in named | assigned
