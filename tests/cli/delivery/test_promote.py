import json
from pathlib import Path

import pytest

from tests.cli.conftest import Lading
from tests.support.worlds import times


@pytest.fixture
def candidate(packaged: Lading, workspace: Path) -> Lading:
    """Version 1 is stable, and version 2 the candidate."""
    (workspace / "double.onnx").write_bytes(times(3))
    assert packaged("package", "--label", "candidate").code == 0
    assert labels(workspace) == {"stable": 1, "candidate": 2}
    return packaged


def labels(workspace: Path) -> dict[str, int]:
    document = json.loads((workspace / "models.lock.json").read_text())
    return dict(document["double"]["labels"])


def test_candidates_become_stable_and_one_command_takes_that_back(
    candidate: Lading, workspace: Path
) -> None:
    result = candidate("promote")
    assert result.code == 0
    assert result.out.startswith("double: stable is on version 2, before on 1\n")
    assert '+      "stable": 2' in result.out
    assert labels(workspace) == {"stable": 2, "candidate": 2}
    assert candidate("rollback", "double").code == 0
    assert labels(workspace)["stable"] == 1


def test_a_dry_run_shows_the_change_and_writes_nothing(candidate: Lading, workspace: Path) -> None:
    document = candidate("promote", "double", "--dry-run", "--json").document
    assert document["promoted"] == [{"model": "double", "label": "stable", "before": 1, "after": 2}]
    assert not document["written"]
    assert labels(workspace)["stable"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "canary"), "has no model with the label 'canary'"),
        (("double", "--from", "canary"), "has no label 'canary' of model 'double'"),
        (("triple",), "has no model 'triple'"),
    ],
    ids=["nowhere", "not-here", "no-model"],
)
def test_what_nobody_labeled_is_not_promoted(
    candidate: Lading, workspace: Path, words: tuple[str, ...], said: str
) -> None:
    result = candidate("promote", *words)
    assert result.code == 2
    assert said in result.err
    assert labels(workspace)["stable"] == 1


def test_a_label_that_no_lock_can_hold_is_refused(packaged: Lading) -> None:
    result = packaged("package", "--label", "not good")
    assert result.code == 2
    assert "--label: 'not good'" in result.err
