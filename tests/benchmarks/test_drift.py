from benchmarks import drift


def test_hardly_a_window_without_drift_raises_an_alarm_and_a_shift_is_found() -> None:
    rows = list(drift.measure(40))
    assert sum(row["false alarms"] for row in rows) <= 1
    large = [row for row in rows if row["window"] >= 1000]
    assert {row["found, +1 sd"] for row in large} == {1.0}
    assert {row["found, +0.5 sd"] for row in large} == {1.0}
