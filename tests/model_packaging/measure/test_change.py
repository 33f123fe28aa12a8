from lading.model_packaging.measure.change import AccuracyChange, ConfidenceInterval, Intervals


def test_a_change_of_nothing_has_no_sign() -> None:
    none = ConfidenceInterval(-1e-9, -1e-9)
    change = AccuracyChange("mae", 0.5, 0.5, -1e-9, 0.01, 40, Intervals(none, none, none))
    assert str(change) == "mae went from 0.5000 to 0.5000, a drop of 0.0000 (0.0000 to 0.0000)"
