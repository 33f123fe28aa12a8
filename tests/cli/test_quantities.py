import pytest

from lading.cli.quantities import seconds_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.24, "4.2 s"), (59.97, "1 min 0 s"), (187, "3 min 7 s"), (3899, "1 h 4 min")],
)
def test_a_duration(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
