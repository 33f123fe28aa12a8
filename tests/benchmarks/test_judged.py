"""A small size of the simulation that shows how often the judge is wrong, and how soon right."""

import numpy as np
import pytest

from benchmarks.judged import EQUAL, NORMAL, RULES, STRICT, WORSE, Traffic, counted, many, roll_out
from lading.functions.contract.steps import step_of


def test_equal_versions_are_stopped_in_at_most_one_of_twenty_rollouts() -> None:
    ended = many(NORMAL, STRICT, EQUAL["1,000 a minute, 10 % new"], longest=15, count=120)
    assert sum(it.stopped for it in ended) <= 0.05 * len(ended)
    assert min(it.requests for it in ended if not it.stopped) > 10_000


@pytest.mark.parametrize("worse", WORSE)
def test_a_worse_version_is_stopped(worse: str) -> None:
    traffic = Traffic(requests=20_000, share=0.5)
    assert roll_out(WORSE[worse], RULES["the defaults"], traffic, 60, seed=0).stopped


def test_the_simulation_counts_on_the_grid_of_the_judge() -> None:
    chance, again = np.random.default_rng(3), np.random.default_rng(3)
    found = counted(NORMAL, 50, chance).latency
    values = again.lognormal(np.log(NORMAL.median_ms), NORMAL.spread, 50)
    assert sorted(np.repeat(list(found), list(found.values()))) == sorted(map(step_of, values))
