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


def labels(lading: Lading) -> dict[int, list[str]]:
    return {row["version"]: row["labels"] for row in lading("versions", "--json").document}


def test_goes_back_to_a_version_and_says_what_is_left_to_do(two_versions: Lading) -> None:
    result = two_versions("label", "double", "stable", "1")
    assert result.out == "double: stable is on version 1, before on 2\n"
    assert result.err == "commit models.lock.json, then run `lading deploy` to serve it\n"
    assert labels(two_versions) == {2: [], 1: ["stable"]}


def test_a_dry_run_moves_nothing(two_versions: Lading) -> None:
    result = two_versions("label", "double", "stable", "1", "--dry-run")
    assert result.out == "double: stable is on version 1, before on 2\n"
    assert result.err.startswith("nothing was written")
    assert labels(two_versions) == {2: ["stable"], 1: []}


def test_promotes_the_version_of_another_label(two_versions: Lading) -> None:
    two_versions("label", "double", "canary", "1")
    moved = two_versions("label", "double", "stable", "canary", "--json").document
    assert moved == {"model": "double", "label": "stable", "before": 2, "after": 1}
    assert labels(two_versions)[1] == ["canary", "stable"]


def test_removes_a_label(two_versions: Lading) -> None:
    result = two_versions("label", "double", "stable", "--remove")
    assert result.out == "double: stable was removed from version 2\n"
    assert labels(two_versions) == {2: [], 1: []}


def test_says_when_there_was_nothing_to_do(two_versions: Lading) -> None:
    assert two_versions("label", "double", "stable", "2").err == ""
    result = two_versions("label", "double", "other", "--remove")
    assert (result.out, result.err) == ("double: other does not exist\n", "")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("double", "stable"), 2),
        (("double", "stable", "1", "--remove"), 2),
        (("double", "stable", "9"), 4),
        (("double", "stable", "0"), 4),
        (("double", "stable", "9" * 5000), 4),
        (("double", "stable", "absent"), 4),
        (("single", "stable", "1"), 4),
        (("double", "a/b", "1"), 2),
    ],
)
def test_what_is_impossible_costs_one_line_and_moves_nothing(
    two_versions: Lading, words: tuple[str, ...], code: int
) -> None:
    result = two_versions("label", *words)
    assert (result.code, result.err.count("\n")) == (code, 1)
    assert labels(two_versions) == {2: ["stable"], 1: []}
