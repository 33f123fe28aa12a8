"""A model runs in the event loop only as long as that holds up nobody."""

import pytest

from lading.functions.inference.lanes.pace import Pace


def paced(*seconds: float) -> Pace:
    pace = Pace()
    for each in seconds:
        pace.note(each)
    return pace


@pytest.mark.parametrize(
    ("runs", "quick"),
    [
        ([0.0005] * 4, False),
        ([0.0005] * 5, True),
        ([0.5, 0.02, 0.003, 0.002, 0.0009], True),
        ([0.001] * 100, False),
        ([0.0005] * 5 + [0.02] * 2 + [0.0005] * 50, True),
        ([0.0005] * 5 + [0.02] * 3, False),
        ([0.0005] * 5 + [0.02, 0.0005] * 3, False),
        ([0.0005] * 5 + [0.02] * 3 + [0.0005] * 4, False),
        ([0.0005] * 5 + [0.02] * 3 + [0.0005] * 5, True),
    ],
    ids=[
        "too few runs",
        "five quick ones",
        "the best of five counts",
        "never quick",
        "two slow ones are forgiven",
        "three are not",
        "nor when quick ones come between",
        "it is measured anew",
        "and may be quick again",
    ],
)
def test_the_pace_of_a_model_follows_its_runs(runs: list[float], quick: bool) -> None:
    assert paced(*runs).quick == quick
