import numpy as np
import pytest

from lading.functions.drift.verdict import FEWEST_ROWS, Judged, judge
from lading.functions.drift.windows import sum_lines
from tests.functions.drift.lines import line, many

EXPECTED = [0, 250, 250, 250, 250, 0, 0]
VALUES = [400, 300, 300, 0, 0]


def judged(kind: str, counts: list[int], expected: list[int] | None = None) -> Judged:
    before = expected or (EXPECTED if kind == "numbers" else VALUES)
    (window,) = sum_lines([many(kind, before, counts)])
    (found,) = judge(window)
    return found


@pytest.mark.parametrize(
    ("kind", "counts", "drifts"),
    [
        ("numbers", [2, 260, 240, 251, 249, 1, 0], False),
        ("numbers", [0, 100, 200, 300, 400, 0, 0], True),
        ("numbers", [0, 200, 200, 200, 200, 200, 0], True),
        ("numbers", [0, 200, 200, 200, 200, 0, 200], True),
        ("numbers", [0, 20, 20, 30, 40, 0, 0], False),
        ("values", [390, 305, 303, 1, 1], False),
        ("values", [700, 150, 150, 0, 0], True),
        ("values", [350, 250, 250, 150, 0], True),
    ],
    ids=[
        *("as before", "shifted", "out of range", "missing", "few rows, by chance"),
        *("values as before", "one more frequent", "new values"),
    ],
)
def test_a_large_and_sure_shift_is_drift(kind: str, counts: list[int], drifts: bool) -> None:
    assert judged(kind, counts).drifts is drifts


def test_of_a_thousand_windows_without_drift_hardly_one_has_a_feature_that_drifts() -> None:
    """Of ten features each, against baselines that are samples, too; so any of them may be odd."""
    chance, tenths = np.random.default_rng(17), [0.0, *[0.1] * 10, 0.0, 0.0]

    def sampled(rows: int) -> list[int]:
        return [int(count) for count in chance.multinomial(rows, tenths)]

    alarms = 0
    for number in range(1000):
        if number % 20 == 0:
            baseline = [sampled(500) for _ in range(10)]
        features = [
            {
                "name": "x",
                "side": "inputs",
                "kind": "numbers",
                "expected": it,
                "counts": sampled(200),
            }
            for it in baseline
        ]
        (window,) = sum_lines([line([200], features=features)])
        alarms += any(each.drifts for each in judge(window))
    assert alarms <= 3


def test_a_sure_but_small_shift_is_none() -> None:
    found = judged(
        "numbers", [0, 230_000, 250_000, 250_000, 270_000, 0, 0], [0, *[10**6] * 4, 0, 0]
    )
    assert found.p < 1e-9
    assert not found.drifts


def test_shares_of_missing_and_outside_are_told() -> None:
    numbers = judged("numbers", [10, 200, 200, 200, 290, 40, 60], [0, 250, 250, 250, 240, 0, 10])
    assert (numbers.missing, numbers.missing_before, numbers.outside) == (0.06, 0.01, 0.05)
    values = judged("values", [400, 300, 200, 80, 20])
    assert (values.missing, values.outside, values.ks) == (0.02, 0.08, None)


def test_a_constant_feature_that_changes_drifts() -> None:
    assert judged("numbers", [0, 0, 500, 0], [0, 500, 0, 0]).drifts
    assert not judged("numbers", [0, 500, 0, 0], [0, 500, 0, 0]).drifts


def test_too_few_rows_are_not_judged() -> None:
    counts = [0, FEWEST_ROWS - 1, 0, 0, 0]
    (window,) = sum_lines([line(counts)])
    assert judge(window) == []
    (window,) = sum_lines([line([0, FEWEST_ROWS, 0, 0, 0])])
    assert len(judge(window)) == 1


def test_the_worst_feature_comes_first_and_a_callers_bound_is_used() -> None:
    (window,) = sum_lines([many("numbers", EXPECTED, [0, 100, 200, 300, 400, 0, 0])])
    (calm,) = sum_lines([many("numbers", EXPECTED, EXPECTED)])
    window.features += calm.features
    verdict = judge(window)
    assert [each.drifts for each in verdict] == [True, False]
    assert not judge(window, large=5.0)[0].drifts
