import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.bootstrap import paired_intervals
from lading.model_packaging.measure.metrics import METRICS, Weighted

ROWS = 400
TRUTH = np.arange(ROWS) % 2


def accuracy(wrong: Array) -> Weighted:
    return METRICS["accuracy"].of(TRUTH, np.where(wrong, 1 - TRUTH, TRUTH), 1)


def first(count: int) -> Array:
    return np.arange(ROWS) < count


def test_the_interval_of_a_share_is_the_textbooks() -> None:
    before = paired_intervals(accuracy(first(80)), accuracy(first(80)), ROWS, 1).before
    error = 1.96 * np.sqrt(0.8 * 0.2 / ROWS)
    assert before.low == pytest.approx(0.8 - error, abs=0.01)
    assert before.high == pytest.approx(0.8 + error, abs=0.01)


def test_rows_are_paired_so_that_only_what_changed_blurs_the_drop() -> None:
    intervals = paired_intervals(accuracy(first(80)), accuracy(first(84)), ROWS, 1)
    assert 0 <= intervals.drop.low < 0.01 < intervals.drop.high < 0.025
    spread = intervals.after.high - intervals.after.low
    assert spread > 3 * (intervals.drop.high - intervals.drop.low)
    same = paired_intervals(accuracy(first(80)), accuracy(first(80)), ROWS, 1).drop
    assert (same.low, same.high) == (0, 0)


def test_of_an_error_growth_is_a_drop() -> None:
    truth = np.zeros(ROWS)
    near, far = (METRICS["mae"].of(truth, truth + off, 1) for off in (0.1, 0.3))
    drop = paired_intervals(near, far, ROWS, -1).drop
    assert drop.low == pytest.approx(0.2)
    assert drop.high == pytest.approx(0.2)


def test_the_same_answers_give_the_same_intervals() -> None:
    once, again = (
        paired_intervals(accuracy(first(80)), accuracy(first(90)), ROWS, 1) for _ in range(2)
    )
    assert once == again


def test_draws_in_which_a_metric_is_not_defined_are_left_out() -> None:
    truth, scores = np.eye(1, 30, dtype=np.int64)[0], np.linspace(1, 0, 30, dtype=np.float32)
    area = METRICS["roc_auc"].of(truth, scores, 1)
    assert paired_intervals(area, area, 30, 1).before.low > 0.8


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        wrong = accuracy(generator.random(ROWS) < 0.1)
        interval = paired_intervals(wrong, wrong, ROWS, 1).before
        covered += interval.low <= 0.9 <= interval.high
    assert covered >= 88
