from typing import Any

import pytest

from lading.functions.contract.limits import MEGABYTE
from lading.model_packaging.placement.decision import fitting
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.placement.options import Target
from lading.model_packaging.report.placed import placed

SMALL = Needs("m", 20 * MEGABYTE, True, 200 * MEGABYTE, 10.0, 5_000)


def page(needs: Needs = SMALL, wanted: Target | str = "auto", **changes: Any) -> str:
    document = fitting(wanted, needs)[0].to_json()  # type: ignore[arg-type] # a word of a manifest
    return "".join(placed({"placement": {**document, **changes}}))


def test_each_target_has_its_price_and_the_chosen_one_is_marked() -> None:
    found = fitting("auto", SMALL)[0]
    shown = page()
    assert "lambda, chosen by target: auto; it fits" in shown
    assert shown.count("<td>chosen</td>") == 1
    for option in found.placement.options:
        assert f"${option.per_million:,.2f}" in shown
    assert "lambda, as the manifest says; it fits" in page(wanted="lambda")
    assert "says. target: auto would choose lambda; it fits" in page(wanted="sagemaker")
    assert found.prices.as_of.isoformat() in shown


def test_what_cannot_serve_the_model_is_named_with_its_reason() -> None:
    shown = page(Needs("m", 2 * MEGABYTE, converted=False))
    assert "<td>lambda</td><td>its engine runs in a SageMaker container</td>" in shown
    assert "<svg" not in shown


def test_a_rate_that_no_api_reaches_is_never() -> None:
    even = {"sagemaker": 174_377_922_340, "lambda-managed": 5_000_000}
    shown = page(break_even_requests_a_month=even)
    assert "sagemaker never costs less than lambda." in shown
    assert "lambda-managed costs less than lambda from 5 million requests a month on." in shown


def test_nothing_becomes_markup() -> None:
    hostile = "<script>alert(1)</script>"
    shown = page(why=hostile, refused={hostile: hostile})
    assert "<script" not in shown


def test_a_version_without_a_decision_has_no_section() -> None:
    assert [*placed({})] == []
    with pytest.raises(ValueError, match="damaged"):
        [*placed({"placement": {"target": "lambda"}})]
