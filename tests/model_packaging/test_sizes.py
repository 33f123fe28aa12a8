"""Sizes and large numbers are shown in a suitable unit."""

import pytest

from lading.model_packaging.sizes import in_words, rounded


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (8_759, "8.76 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (90_394_100, "90.4 MB"),
        (17_000_000_000, "17 GB"),
    ],
)
def test_a_size_has_three_digits_and_a_unit(size: int, words: str) -> None:
    assert in_words(size) == words


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (950, "950"),
        (174_377, "174,000"),
        (999_999, "1 million"),
        (2_310_900, "2.31 million"),
        (174_377_922_340, "174 billion"),
    ],
)
def test_a_large_number(number: int, text: str) -> None:
    assert rounded(number) == text
