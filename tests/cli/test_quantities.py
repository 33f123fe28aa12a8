import pytest

from lading.cli.quantities import rounded, seconds_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.24, "4.2 s"), (59.97, "1 min 0 s"), (187, "3 min 7 s"), (3899, "1 h 4 min")],
)
def test_a_duration(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


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
