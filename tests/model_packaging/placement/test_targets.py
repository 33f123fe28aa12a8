import json
from dataclasses import replace
from typing import Any

import pytest

from lading.functions.contract.limits import MEGABYTE
from lading.model_packaging.placement.needs import GIGABYTE, Needs
from lading.model_packaging.placement.on_lambda import lambda_ms
from lading.model_packaging.placement.options import MILLION, MONTH_HOURS, Option, Target
from lading.model_packaging.placement.prices import read_prices
from lading.model_packaging.placement.targets import DoesNotFit, Placement, place, require_fits

PRICES = read_prices()
SMALL = Needs("m", 20 * MEGABYTE, True, 200 * MEGABYTE, 10.0, 5_000)
CHAT = Needs("chat", 15 * GIGABYTE, converted=False)


def at(target: Target, placement: Placement) -> Option:
    (option,) = [each for each in placement.options if each.target == target]
    return option


def of(**changes: Any) -> Placement:
    return place(replace(SMALL, **changes), PRICES)


def test_a_small_model_goes_to_lambda_and_says_why() -> None:
    placement = of()
    assert (placement.chosen.target, placement.chosen.size) == ("lambda", "1769 MB")
    assert placement.why == "it fits: 20.0 MB in a layer, 324 MB of memory"
    places = ["lambda", "lambda-managed", "sagemaker"]
    assert [option.target for option in placement.options] == places
    assert placement.refused == {}


def test_a_model_that_no_layer_holds_is_loaded_from_s3() -> None:
    placement = of(model_bytes=900 * MEGABYTE, peak_bytes=2_500 * MEGABYTE)
    assert placement.chosen.size == "4096 MB"
    assert "900.0 MB loaded from S3 at the start" in placement.why


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request_bytes": 5 * MEGABYTE}, "have 5.0 MB, over 6 MB encoded"),
        ({"one_processor_ms": 29_500.0}, "an answer takes 29.5 s, the API waits 29"),
        ({"converted": False}, "runs in a SageMaker container"),
    ],
)
def test_what_lambda_cannot_serve_goes_to_the_cheapest_instance_that_can(
    changes: dict[str, Any], reason: str
) -> None:
    placement = of(**changes)
    assert reason in placement.refused["lambda"]
    assert placement.why == placement.refused["lambda"]
    assert (placement.chosen.target, placement.chosen.size) == ("sagemaker", "ml.g4dn.xlarge")
    assert placement.break_even == {}


def test_what_is_too_large_for_lambda_goes_to_the_cheaper_of_the_others() -> None:
    placement = of(peak_bytes=8 * GIGABYTE)
    assert "a function has at most 10,240" in placement.refused["lambda"]
    managed, endpoint = placement.options
    assert (managed.target, managed.size, managed.instances) == ("lambda-managed", "r7i.large", 3)
    assert managed.at_rest == pytest.approx(3 * 0.1323 * 1.15 * MONTH_HOURS)
    assert managed.per_million < endpoint.per_million
    large = of(peak_bytes=20 * GIGABYTE).options
    assert [option.target for option in large] == ["sagemaker", "lambda-managed"]


@pytest.mark.parametrize(
    ("gigabytes", "instance"),
    [(1, "ml.g4dn.xlarge"), (15, "ml.g6.xlarge"), (30, "ml.g6e.2xlarge"), (140, "ml.g6e.12xlarge")],
)
def test_an_instance_has_room_for_the_weights_and_for_what_is_worked_on(
    gigabytes: int, instance: str
) -> None:
    chosen = place(replace(CHAT, model_bytes=gigabytes * GIGABYTE), PRICES).chosen
    assert chosen.size == instance
    assert PRICES.sagemaker[instance].gpu_memory * 0.8 >= gigabytes


def test_a_model_that_fits_nowhere_is_an_error_with_both_reasons() -> None:
    with pytest.raises(
        DoesNotFit, match=r"lambda: .*; lambda-managed: .*; sagemaker: no instance has enough"
    ):
        place(replace(CHAT, model_bytes=400 * GIGABYTE), PRICES)


def test_a_target_that_the_manifest_insists_on_is_refused_with_what_fits() -> None:
    assert require_fits(of(), "lambda").size == "1769 MB"
    assert require_fits(of(), "sagemaker").size == "ml.g4dn.xlarge"
    with pytest.raises(DoesNotFit, match=r"models\.m\.target: sagemaker, with ml\.g4dn"):
        require_fits(of(one_processor_ms=30_000.0), "lambda")


def test_half_the_memory_is_half_a_processor() -> None:
    assert lambda_ms(SMALL, 3_072) == lambda_ms(SMALL, 1_769) == 11.0
    assert lambda_ms(SMALL, 1_769 // 2) == pytest.approx(22.0, rel=0.01)


def test_memory_is_chosen_for_the_price_and_then_for_the_answer() -> None:
    """Below one processor an answer costs the same at any memory, so the quickest is taken."""
    assert of(peak_bytes=MEGABYTE).chosen.size == "1769 MB"
    assert of(peak_bytes=1_500 * MEGABYTE).chosen.size == "3072 MB"
    assert SMALL.memory_mb == 324


def test_a_million_answers_cost_what_lambda_and_the_api_ask() -> None:
    chosen = of().chosen
    seconds = 0.011 * MILLION * 1769 / 1024
    assert chosen.usage == pytest.approx(3.50 + 0.20 + seconds * 0.0000166667)
    assert chosen.at_rest == pytest.approx(1769 / 1024 * MONTH_HOURS * 3600 * 0.0000015046)
    assert chosen.per_million == chosen.usage + chosen.at_rest


def test_an_endpoint_costs_its_hours_whatever_is_asked() -> None:
    few, many = (place(CHAT, PRICES, requests).chosen for requests in (1_000, 10 * MILLION))
    assert few.at_rest == many.at_rest == pytest.approx(1.127 * MONTH_HOURS)
    assert few.per_million == pytest.approx(few.usage + few.at_rest * 1_000)
    assert many.per_million == pytest.approx(many.usage + many.at_rest / 10)


def test_more_requests_than_one_instance_answers_need_more_of_them() -> None:
    a_month = 4 * 100 * MONTH_HOURS * 3600  # four processors, ten milliseconds
    for requests, instances in ((a_month, 1), (a_month + 1, 2), (3 * a_month, 3)):
        assert at("sagemaker", place(SMALL, PRICES, requests)).instances == instances


@pytest.mark.parametrize("target", ["lambda-managed", "sagemaker"])
def test_costs_meet_at_the_break_even_rate(target: Target) -> None:
    slow = replace(SMALL, one_processor_ms=500.0)
    placement = place(slow, PRICES, place(slow, PRICES).break_even[target])
    function, other = placement.options[0], at(target, placement)
    fewest = replace(other, at_rest=other.least, instances=other.fewest)
    assert function.per_million == pytest.approx(fewest.per_million, rel=1e-4)


def test_there_is_no_break_even_when_lambda_is_cheaper_for_each_request() -> None:
    quick = of(one_processor_ms=0.01, peak_bytes=MEGABYTE)
    assert "sagemaker" not in quick.break_even
    assert set(quick.break_even) == {"lambda-managed"}  # whose requests cost no time


@pytest.mark.parametrize(("environments", "hosts"), [(None, 3), (5, 5), (1, 1), (0, 1)])
def test_managed_hosts_run_without_requests_and_never_fewer_than_one(
    environments: int | None, hosts: int
) -> None:
    option = at("lambda-managed", place(SMALL, PRICES, 1, environments))
    assert (option.instances, option.size) == (hosts, "m7i.large")
    assert option.at_rest == option.least == pytest.approx(hosts * 0.1008 * 1.15 * MONTH_HOURS)


def test_managed_hosts_are_added_for_the_requests() -> None:
    a_month = int(2 / 0.011 * MONTH_HOURS * 3600)  # two processors, eleven milliseconds
    for requests, hosts in ((3 * a_month, 3), (4 * a_month, 4)):
        option = at("lambda-managed", place(SMALL, PRICES, requests))
        assert (option.instances, option.fewest) == (hosts, 3)
        assert option.least == pytest.approx(3 * 0.1008 * 1.15 * MONTH_HOURS)


def test_each_process_of_a_managed_host_has_its_own_copy_of_the_model() -> None:
    """Of 14.4 GiB for environments, a model of 5 GiB fits twice; four processors are there."""
    wide = replace(SMALL, peak_bytes=5 * GIGABYTE, one_processor_ms=999.0)
    option = at("lambda-managed", place(wide, PRICES, 6 * MONTH_HOURS * 3600 + 1))
    assert (option.size, option.instances) == ("r7i.large", 4)


@pytest.mark.parametrize(("gigabytes", "host"), [(1, "g6.xlarge"), (30, "g6e.xlarge")])
def test_a_managed_gpu_is_for_what_processors_answer_too_slowly(gigabytes: int, host: str) -> None:
    slow = replace(SMALL, one_processor_ms=40_000.0, model_bytes=gigabytes * GIGABYTE)
    option = at("lambda-managed", place(slow, PRICES, 1))
    assert (option.size, option.answers_ms) == (host, None)


def test_a_model_that_no_managed_gpu_holds_is_refused_there() -> None:
    largest = of(one_processor_ms=40_000.0, model_bytes=50 * GIGABYTE)
    assert "no GPU holds 50.0 GB" in largest.refused["lambda-managed"]


def test_only_a_function_has_a_slow_first_answer() -> None:
    placement = of(load_ms=60.0)
    first = {option.target: option.first_ms for option in placement.options}
    start = 340 + 20 * 0.56 + 60
    assert first["lambda"] == pytest.approx(start + 11)
    assert first["lambda-managed"] == 11.0
    assert first["sagemaker"] is None
    assert of().chosen.first_ms is None  # how long it loads is not known


def test_an_option_is_plain_json() -> None:
    document = json.loads(json.dumps(of().chosen.to_json()))
    assert document["per_million_usd"] == round(of().chosen.per_million, 2)
    assert document["size"] == "1769 MB"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"packages_bytes": 200 * MEGABYTE}, "its packages have about 200.0 MB and its files 20.0"),
        ({"model_bytes": 600 * MEGABYTE}, "unpacked to /tmp, which has 512.0 MB"),
        ({"peak_bytes": 20 * GIGABYTE}, "MB of memory, but a function has at most 10,240"),
    ],
)
def test_a_class_of_ones_own_goes_to_a_container_if_lambda_cannot_hold_it(
    changes: dict[str, Any], reason: str
) -> None:
    placement = of(runtime="python", **changes)
    assert [each.target for each in placement.options] == ["container"]
    assert reason in placement.refused["lambda"]
    assert placement.why == f"it runs your code; {placement.refused['lambda']}"


def test_a_class_of_ones_own_that_fits_goes_to_lambda_with_its_packages() -> None:
    placement = of(runtime="python", packages_bytes=MEGABYTE)
    assert [each.target for each in placement.options] == ["lambda", "container"]
    assert placement.why.endswith(
        "not converted, runs your code, with a layer of its packages, about 1.0 MB"
    )


def test_a_model_that_is_not_converted_is_offered_no_instance() -> None:
    placement = of(runtime="skops")
    assert [each.target for each in placement.options] == ["lambda"]
    assert placement.refused["sagemaker"] == placement.refused["lambda-managed"]
    assert "engine: native goes to Lambda" in placement.refused["sagemaker"]
