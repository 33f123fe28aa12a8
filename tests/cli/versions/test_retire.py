import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Lading
from tests.support.worlds import times


@pytest.fixture
def two_versions(packaged: Lading, workspace: Path) -> Lading:
    """Version 2 is stable."""
    (workspace / "double.onnx").write_bytes(times(3))
    assert packaged("package").code == 0
    return packaged


def test_a_retired_version_is_no_longer_listed_or_offered(
    two_versions: Lading, workspace: Path
) -> None:
    result = two_versions("retire", "double", "1")
    assert result.out.startswith("double version 1 is retired\n--- a/models.lock.json\n")
    assert result.err == "commit models.lock.json; `lading gc` can remove its files later\n"
    assert [row["version"] for row in two_versions("versions", "--json").document] == [2]
    assert two_versions("label", "double", "stable", "1").code == 4
    assert (workspace / "artifacts/models/double/1/model.onnx").exists()
    lock = json.loads((workspace / "models.lock.json").read_text())
    assert lock["double"]["retired"]["1"]["date"] == f"{datetime.now(UTC):%Y-%m-%d}"


def test_packaging_the_same_input_brings_it_back(two_versions: Lading, workspace: Path) -> None:
    two_versions("retire", "double", "1")
    (workspace / "double.onnx").write_bytes(times(2))
    [document] = two_versions("package", "--json").document
    assert (document["version"], document["built"]) == (1, False)
    assert [row["version"] for row in two_versions("versions", "--json").document] == [2, 1]


def test_its_number_is_given_to_no_other_version(two_versions: Lading, workspace: Path) -> None:
    two_versions("label", "double", "stable", "1")
    two_versions("retire", "double", "2")
    assert two_versions("gc", "--older-than", "0", "--delete").code == 0
    assert not (workspace / "artifacts/models/double/2").exists()
    (workspace / "double.onnx").write_bytes(times(4))
    assert [each["version"] for each in two_versions("package", "--json").document] == [3]


def test_a_dry_run_and_json(two_versions: Lading, workspace: Path) -> None:
    before = (workspace / "models.lock.json").read_bytes()
    shown = two_versions("retire", "double", "1", "--dry-run", "--json").document
    assert (workspace / "models.lock.json").read_bytes() == before
    written = two_versions("retire", "double", "1", "--json").document
    assert written == shown | {"written": True}
    assert (written["model"], written["version"]) == ("double", 1)


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("double", "2"), 2, "move the label (`lading label double stable VERSION`)"),
        (("double", "7"), 4, "no version 7"),
        (("triple", "1"), 4, "no model 'triple'"),
        (("double", "stable"), 2, "valid integer"),
    ],
)
def test_what_cannot_be_retired_says_why_in_one_line(
    two_versions: Lading, workspace: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    before = (workspace / "models.lock.json").read_bytes()
    result = two_versions("retire", *words)
    assert (result.code, result.err.count("\n")) == (code, 1)
    assert reason in result.err
    assert (workspace / "models.lock.json").read_bytes() == before


def test_other_models_are_served_after_the_last_version_of_one_was_retired(
    packaged: Lading, workspace: Path
) -> None:
    manifest = (workspace / "models.yaml").read_text()
    (workspace / "models.yaml").write_text(f"{manifest}  triple:\n    source: triple.onnx\n")
    (workspace / "triple.onnx").write_bytes(times(3))
    packaged("package")
    packaged("label", "double", "stable", "--remove")
    assert packaged("retire", "double", "1").code == 0
    assert [row["model"] for row in packaged("versions", "--json").document] == ["triple"]
    assert packaged("pull", "--json").code == 0
