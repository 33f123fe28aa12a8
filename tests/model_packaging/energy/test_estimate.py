"""Energy: the published method, worked by hand."""

import pytest

from lading.model_packaging.energy.estimate import Energy, Estimator, factor_two
from lading.model_packaging.energy.published import read_published
from lading.model_packaging.placement.options import MILLION, Option
from lading.model_packaging.placement.prices import read_prices

PUBLISHED, PRICES = read_published(), read_prices()
IRELAND = Estimator(PUBLISHED, "eu-west-1")


def function(memory_mb: int, answers_ms: float) -> Option:
    return Option("lambda", f"{memory_mb} MB", 1, answers_ms, 0.0, 0.0, MILLION)


def test_a_million_answers_of_100_ms_on_one_vcpu_need_what_the_method_says() -> None:
    found = IRELAND.of_a_million(function(1769, 100), PRICES)
    assert found is not None
    assert found.joules == pytest.approx(100_000 * (0.74 + 3.5) / 2 * 1.14)
    assert found.grams == pytest.approx(found.joules / 3.6e6 * 291)
    assert found.joules / 3600 == pytest.approx(67, abs=0.5)  # watt-hours


def test_twice_the_memory_is_twice_the_processors() -> None:
    one, two = (IRELAND.of_a_million(function(mb, 100), PRICES) for mb in (1769, 2 * 1769))
    assert one is not None
    assert two is not None
    assert two.joules == pytest.approx(2 * one.joules)


def test_arm_processors_need_less() -> None:
    arm = IRELAND.of_processors(1000, "arm64")
    assert arm.joules == pytest.approx(1000 * (0.47 + 1.69) / 2 * 1.14)


def test_measured_processor_time_counts_at_full_load() -> None:
    assert IRELAND.of_processors(10, busy=True).joules == pytest.approx(10 * 3.5 * 1.14)


def made(**changes: object) -> dict[str, object]:
    machine = {"architecture": "x86_64", "gpus": [], **changes}
    return {"seconds": 100.0, "processor_seconds": 250.0, "machine": machine}


def test_a_training_needs_its_processor_time_at_full_load() -> None:
    found = IRELAND.of_training(made())
    assert found is not None
    assert found.joules == pytest.approx(250 * 3.5 * 1.14)
    arm = IRELAND.of_training(made(architecture="aarch64"))
    assert arm is not None
    assert arm.joules == pytest.approx(250 * 1.69 * 1.14)


def test_gpus_of_a_training_count_all_the_time() -> None:
    found = IRELAND.of_training(made(gpus=["NVIDIA A10G", "Tesla T4"]))
    assert found is not None
    assert found.joules == pytest.approx((250 * 3.5 + 100 * (18 + 153 + 8 + 71) / 2) * 1.14)
    assert IRELAND.of_training(made(gpus=["NVIDIA A100-SXM4-40GB"])) is not None
    assert IRELAND.of_training(made(gpus=["Unknown 9"])) is None


def test_an_endpoint_runs_all_month_so_few_requests_are_expensive() -> None:
    many, few = (
        IRELAND.of_a_million(
            Option("sagemaker", "ml.g4dn.xlarge", 1, None, 0.0, 0.0, requests), PRICES
        )
        for requests in (10 * MILLION, MILLION)
    )
    assert many is not None
    assert few is not None
    assert few.joules == pytest.approx(10 * many.joules)
    watts = 4 * (0.74 + 3.5) / 2 + (8 + 71) / 2
    assert few.joules == pytest.approx(watts * 730 * 3600 * 1.14)


def test_every_instance_that_has_a_price_has_a_power() -> None:
    prices = {"sagemaker": PRICES.sagemaker, "lambda-managed": PRICES.managed.instances}
    for target in ("sagemaker", "lambda-managed"):
        for type_ in prices[target]:
            option = Option(target, type_, 1, None, 0.0, 0.0, MILLION)
            assert IRELAND.of_a_million(option, PRICES) is not None, type_


def test_a_gpu_without_a_published_power_is_unknown() -> None:
    text = PRICES.model_copy(
        update={"sagemaker": {"ml.new9.xlarge": PRICES.sagemaker["ml.g5.xlarge"]}}
    )
    option = Option("sagemaker", "ml.new9.xlarge", 1, None, 0.0, 0.0, MILLION)
    assert IRELAND.of_a_million(option, text) is None


def test_a_region_without_a_published_grid_has_joules_alone() -> None:
    found = Estimator(PUBLISHED, "eu-nowhere-1").of_processors(1000)
    assert found.grams is None
    assert str(found) == "2 to 4 kJ"
    assert found.to_json() == {"joules": [2000.0, 4000.0], "grams_co2e": None}


@pytest.mark.parametrize("estimate", [0.003, 1.0, 1.4, 9.6, 99.0, 1e9])
def test_a_range_has_a_factor_2_and_holds_the_estimate_but_for_rounding(estimate: float) -> None:
    low, high = factor_two(estimate)
    assert high == 2 * low
    assert 0.99 * low <= estimate <= 1.06 * high


def test_nothing_needs_nothing() -> None:
    assert str(Energy(0.0, 0.0)) == "0 to 0 J, 0 to 0 g CO2e"


def test_large_estimates_have_large_units() -> None:
    assert str(Energy(5e9, 2e6)) == "4 to 8 GJ, 1 to 2 t CO2e"
