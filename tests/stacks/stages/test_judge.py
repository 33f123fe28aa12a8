"""The judge's settings of a stage."""

from pathlib import Path

import pytest

from lading.stacks.errors import SettingsError
from lading.stacks.stages.judge import StageJudge
from lading.stacks.stages.settings import load_deployment


def judge_of(folder: Path, text: str) -> StageJudge | None:
    path = folder / "stages.yaml"
    path.write_text(f"stages: {{prod: {{{text}}}}}")
    return load_deployment(path, "prod").settings.judge


def test_a_stage_has_no_judge_unless_it_wants_one(tmp_path: Path) -> None:
    assert judge_of(tmp_path, "") is None
    assert judge_of(tmp_path, "judge: {}") == StageJudge()


def test_what_is_tolerated_becomes_the_rules_of_the_trial(tmp_path: Path) -> None:
    found = judge_of(tmp_path, "judge: {latency: 1.5, least_requests: 7, on_broken: hold}")
    assert found is not None
    assert (found.rules()["latency"], found.rules()["least_requests"]) == (1.5, 7)
    assert (found.on_broken, found.on_little_traffic) == ("hold", "hold")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("judge: {errors: 0.5}", "greater than or equal to 1"),
        ("judge: {on_broken: pass}", "'hold' or 'roll_back'"),
        ("judge: {speed: 2}", "unknown key"),
        ("judge: {}, rollout: all-at-once", "needs a roll-out in which both versions answer"),
    ],
)
def test_what_cannot_be_judged_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        judge_of(tmp_path, text)
