"""The steps of CodeDeploy's predefined configurations."""

from typing import get_args

import pytest

from lading.emulator.cloud.shift_steps import TrafficShare, steps_of
from lading.stacks.stages.settings import RolloutName


def test_a_canary_has_two_steps_and_a_linear_shift_ten() -> None:
    assert steps_of("canary-10-percent-30-minutes") == (TrafficShare(0.1, 30), TrafficShare(1.0, 0))
    linear = steps_of("linear-10-percent-every-1-minute")
    assert [step.share for step in linear] == pytest.approx([it / 10 for it in range(1, 11)])
    assert sum(step.minutes for step in linear) == 9


@pytest.mark.parametrize("rollout", get_args(RolloutName))
def test_every_roll_out_of_a_stage_ends_with_all_traffic(rollout: str) -> None:
    steps = steps_of(rollout)
    assert steps[-1] == TrafficShare(1.0, 0)
    assert len(steps) > 1 or rollout == "all-at-once"
