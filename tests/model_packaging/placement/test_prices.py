from pathlib import Path

import pytest

from lading.model_packaging.placement.prices import PRICES, PricesUnusable, read_prices


def test_the_shipped_prices_are_dated_and_say_their_region() -> None:
    prices = read_prices()
    assert prices.region == "us-east-1"
    assert prices.as_of.year >= 2026
    assert prices.source
    assert all(instance.gpus for instance in prices.sagemaker.values())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("gb_second: 0.0000166667", "gb_second: -1"), "lambda.gb_second: Input should be greater"),
        (("gb_second: 0.0000166667", "gb_second: .nan"), "lambda.gb_second"),
        (("hour: 0.7364", "hours: 0.7364"), "sagemaker.ml.g4dn.xlarge.hour"),
        (("as_of: 2026-11-22", "as_of: lately"), "as_of"),
        (("region:", "regions:"), "region"),
        (("api:", "api: ["), "is not YAML"),
    ],
)
def test_an_impossible_file_of_prices_is_one_clear_error(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(PRICES.read_text().replace(*change))
    with pytest.raises(PricesUnusable) as caught:
        read_prices(path)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_prices_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PricesUnusable, match="cannot be read"):
        read_prices(tmp_path / "nowhere.yaml")
