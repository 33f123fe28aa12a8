"""A model runs in the event loop only as long as that holds up nobody."""

import gc
import weakref

import pytest

from lading.functions.inference.lanes.pace import Paces, RunPace
from tests.support.predictors import Echo


def paced(*seconds: float) -> RunPace:
    pace = RunPace()
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
        ([0.0005] * 5 + ([0.02] * 2 + [0.0005] * 98) * 9, True),
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
        "those before the last hundred are forgotten",
        "it is measured anew",
        "and may be quick again",
    ],
)
def test_the_pace_of_a_model_follows_its_runs(runs: list[float], quick: bool) -> None:
    assert paced(*runs).quick == quick


def test_each_version_has_its_own_pace_which_ends_with_it() -> None:
    paces, first, second = Paces(), Echo("m", "FP32", 1), Echo("m", "FP32", 1)
    for _ in range(5):
        paces.note(first, 0.0005)
        paces.note(second, 0.02)
    assert (paces.quick(first), paces.quick(second)) == (True, False)
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("seconds", "quick", "brief"),
    [(0.0005, True, True), (0.005, False, True), (0.02, False, False)],
)
def test_a_model_that_takes_some_milliseconds_is_quick_for_its_only_caller(
    seconds: float, quick: bool, brief: bool
) -> None:
    paces, model = Paces(), Echo("m", "FP32", 1)
    for _ in range(5):
        paces.note(model, seconds)
    assert (paces.quick(model), paces.quick(model, alone=True)) == (quick, brief)
