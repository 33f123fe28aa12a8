import json
from pathlib import Path

from tests.cli.conftest import Lading


def test_prints_the_card_of_the_stable_version(packaged: Lading) -> None:
    card = packaged("card", "double").out
    assert card.startswith("---\n")
    assert "# double, version 1\n" in card


def test_has_the_present_words_of_the_manifest(packaged: Lading, workspace: Path) -> None:
    manifest = workspace / "models.yaml"
    manifest.write_text(manifest.read_text() + "    card: {license: mit, limits: No doubles.}\n")
    result = packaged("card", "double", "--output", "README.md", "--json")
    assert result.document == {"model": "double", "version": 1, "file": "README.md"}
    card = (workspace / "README.md").read_text()
    assert "license: mit" in card
    assert "No doubles." in card


def test_needs_no_manifest(packaged: Lading, workspace: Path) -> None:
    (workspace / "models.yaml").unlink()
    assert packaged("card", "double").code == 0


def test_adds_the_slices_of_an_evaluation(packaged: Lading, workspace: Path) -> None:
    path = workspace / "evaluation.json"
    path.write_text(json.dumps({"slices": []}))
    assert packaged("card", "double", "--evaluation", str(path)).code == 0
    for damaged in ("[]", "{"):
        path.write_text(damaged)
        result = packaged("card", "double", "--evaluation", str(path))
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "evaluation.json" in result.err
