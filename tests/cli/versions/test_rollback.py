import json
from pathlib import Path

import pytest

from tests.cli.conftest import Lading
from tests.support.worlds import times


@pytest.fixture
def three_versions(packaged: Lading, workspace: Path) -> Lading:
    """Version 3 is stable; the label was on 1, then on 2."""
    for factor in (3, 4):
        (workspace / "double.onnx").write_bytes(times(factor))
        assert packaged("package").code == 0
    return packaged


def stable(workspace: Path) -> int:
    lock = json.loads((workspace / "models.lock.json").read_text())
    return int(lock["double"]["labels"]["stable"])


def test_goes_one_version_back_and_shows_the_change_to_commit(
    three_versions: Lading, workspace: Path
) -> None:
    result = three_versions("rollback", "double")
    line, *diff = result.out.splitlines()
    assert line == "double: stable is on version 2, before on 3"
    assert '-      "stable": 3' in diff
    assert '+      "stable": 2' in diff
    assert result.err == "commit models.lock.json, then run `lading deploy` to serve it\n"
    assert stable(workspace) == 2


def test_what_is_served_is_the_version_before(three_versions: Lading, workspace: Path) -> None:
    (workspace / "sample.json").write_text('{"inputs": [[1, 2]]}')
    for expected in ([[4, 8]], [[3, 6]], [[2, 4]]):
        answer = three_versions("predict", "double", "-i", "sample.json", "--json").document
        assert answer["outputs"] == {"y": expected}
        three_versions("rollback", "double")


def test_goes_to_a_version_or_a_label(three_versions: Lading, workspace: Path) -> None:
    assert three_versions("rollback", "double", "--to", "1").code == 0
    assert stable(workspace) == 1
    three_versions("label", "double", "good", "2")
    document = three_versions("rollback", "double", "--to", "good", "--json").document
    assert (document["before"], document["after"]) == (1, 2)


def test_a_dry_run_shows_the_change_and_writes_nothing(
    three_versions: Lading, workspace: Path
) -> None:
    before = (workspace / "models.lock.json").read_bytes()
    result = three_versions("rollback", "double", "--dry-run")
    assert '+      "stable": 2' in result.out
    assert result.err.startswith("nothing was written")
    document = three_versions("rollback", "double", "--dry-run", "--json").document
    assert (document["after"], document["written"]) == (2, False)
    assert (workspace / "models.lock.json").read_bytes() == before
    written = three_versions("rollback", "double", "--json").document
    assert written == document | {"written": True}


def test_says_when_there_is_nothing_to_do(three_versions: Lading) -> None:
    result = three_versions("rollback", "double", "--to", "3")
    assert (result.out, result.err) == ("double: stable is already on version 3\n", "")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("triple",), "no model 'triple'"),
        (("double", "--to", "9"), "no version 9"),
        (("double", "--label", "canary"), "no label 'canary'"),
        (("double",), "on which 'stable' was before 1; it is the only version"),
    ],
)
def test_an_impossible_rollback_is_not_found_in_one_line(
    packaged: Lading, workspace: Path, words: tuple[str, ...], reason: str
) -> None:
    before = (workspace / "models.lock.json").read_bytes()
    result = packaged("rollback", *words)
    assert (result.code, result.err.count("\n")) == (4, 1)
    assert reason in result.err
    assert (workspace / "models.lock.json").read_bytes() == before
