"""Burn rates are those of the workbook, and a test's windows are shorter."""

import pytest

from lading.watching.burn_rates import BURNS, Pace


def test_the_burn_rates_of_thirty_days_are_those_of_the_workbook() -> None:
    assert [burn.factor(30) for burn in BURNS] == [14.4, 6.0, 3.0, 1.0]


@pytest.mark.parametrize("burn", BURNS)
def test_the_short_window_is_a_twelfth_of_the_long_one(burn: object) -> None:
    assert isinstance(burn, type(BURNS[0]))
    assert burn.long_s == 12 * burn.short_s


def test_a_window_has_at_least_four_scrapes() -> None:
    pace = Pace(shorten=21_600, scrape_s=0.25)
    assert (pace.duration(300), pace.duration(3 * 86_400)) == ("1s", "12s")
    assert (pace.wait(0), pace.wait(5400), pace.interval) == ("0s", "250ms", "250ms")
    assert (Pace().duration(86_400), Pace().wait(120)) == ("1d", "2m")
    assert (Pace().least(20), Pace(shorten=10).least(20)) == ("20", "2")
