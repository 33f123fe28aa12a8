"""A share of the requests is drawn."""

from lading.functions.inference.capture.sampling import drawing


def test_a_share_is_drawn_at_random() -> None:
    drawn = drawing(0.5)
    assert 130 < sum(drawn() for _ in range(400)) < 270  # seven standard deviations


def test_all_and_almost_none_are_drawn() -> None:
    assert all(drawing(1.0)() for _ in range(100))
    assert not any(drawing(1e-12)() for _ in range(100))
