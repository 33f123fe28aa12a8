import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped] # it has no types

from lading.functions.drift.measures import chi_squared, chi_squared_tail, kolmogorov_smirnov, psi


def test_the_population_stability_index_is_its_formula() -> None:
    expected, found = [100, 200, 700], [300, 300, 400]
    e, f = (np.array(side) + 0.5 for side in (expected, found))
    e, f = e / e.sum(), f / f.sum()
    assert psi(expected, found) == pytest.approx(((f - e) * np.log(f / e)).sum())


@pytest.mark.parametrize(
    ("expected", "found"),
    [([], []), ([0, 0], [0, 0]), ([5, 5, 0], [50, 50, 0]), ([7], [9])],
    ids=["no bins", "no rows", "the same", "one bin"],
)
def test_distributions_that_do_not_differ_have_no_distance(
    expected: list[int], found: list[int]
) -> None:
    assert psi(expected, found) == pytest.approx(0, abs=0.02)
    assert chi_squared(expected, found).p == pytest.approx(1)
    assert kolmogorov_smirnov(expected, found).p == pytest.approx(1)


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 10, 49])
def test_the_tail_of_chi_squared_is_scipys(freedom: int) -> None:
    for value in (0.1, 1.0, 10.0, 40.0, 150.0):
        wanted = stats.chi2.sf(value, freedom)
        assert chi_squared_tail(value, freedom) == pytest.approx(wanted, rel=1e-9)


def test_the_chi_squared_test_is_scipys_where_no_bin_is_rare() -> None:
    table = np.random.default_rng(5).integers(20, 90, (2, 8))
    wanted = stats.chi2_contingency(table, correction=False)
    found = chi_squared(*table.tolist())
    assert found.statistic == pytest.approx(wanted.statistic)
    assert found.p == pytest.approx(wanted.pvalue)


def test_rare_bins_count_together() -> None:
    rare = chi_squared([500, 500, 1, 0, 1], [500, 500, 0, 1, 0])
    assert rare.p > 0.5
    assert chi_squared([500, 500, 0, 0, 0], [500, 500, 20, 20, 20]).p < 1e-6


def test_a_few_rows_out_of_range_are_no_miracle() -> None:
    assert chi_squared([250, 250, 0], [47, 47, 6]).p > 0.01
    assert chi_squared([3, 0], [0, 3]).p == 1


def test_kolmogorovs_distance_is_scipys_for_values_in_bins() -> None:
    generator = np.random.default_rng(9)
    before, after = generator.integers(0, 40, 900), generator.integers(2, 43, 700)
    counts = [np.bincount(side, minlength=43).tolist() for side in (before, after)]
    wanted = stats.ks_2samp(before, after, method="asymp")
    found = kolmogorov_smirnov(*counts)
    assert found.statistic == pytest.approx(wanted.statistic)
    assert found.p == pytest.approx(wanted.pvalue, rel=0.25)


@pytest.mark.parametrize("value", [0.2, 0.5, 0.9, 0.999, 1.0, 1.36, 2.5])
def test_the_tail_of_kolmogorov_is_scipys(value: float) -> None:
    rows = 20_000
    shift = round(value * np.sqrt(2 * rows))
    found = kolmogorov_smirnov([rows, 0], [rows - shift, shift])
    exact = found.statistic * np.sqrt(rows / 2)
    assert found.p == pytest.approx(stats.kstwobign.sf(exact), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("found", [[2000, 0], [1999, 1], [1990, 10]])
def test_rare_rows_beside_one_frequent_bin_are_tested_exactly(found: list[int]) -> None:
    expected = [88, 2]
    wanted = stats.fisher_exact([expected, found]).pvalue
    assert chi_squared(expected, found).p == pytest.approx(wanted)


@pytest.mark.parametrize("rows", [100, 1700, 100_000])
def test_rows_that_all_moved_are_seen_however_long_the_window_is(rows: int) -> None:
    assert chi_squared([0, 90, 0, 0], [0, 0, rows, 0]).p < 1e-9
