from typing import Any

from lading.cli.drift.edges import Bins
from lading.cli.drift.monitor import monitor_files
from lading.functions.drift.verdict import judge
from lading.functions.drift.windows import sum_lines
from lading.functions.inference.artifact.specification import BASELINE, Artifact
from lading.functions.inference.drift.baseline import read_baseline
from tests.cli.drift.test_edges import CONTENT
from tests.functions.drift.lines import many


def files(kind: str, counts: list[int], large: float = 0.1) -> list[dict[str, Any]]:
    """Statistics, constraints and violations of one feature, which is the input or the output."""
    expected = [0, 900, 900, 0, 0] if kind == "numbers" else [900, 900, 0, 0]
    side = "inputs" if kind == "numbers" else "outputs"
    (window,) = sum_lines([many(kind, expected, counts)])
    window.features[0].side = side
    artifact = Artifact("m", "", "", (), (), b"", None, {}, files={BASELINE: CONTENT})
    bins = Bins(artifact, read_baseline(CONTENT).digest)
    found = monitor_files(window, judge(window, large), bins, large)
    return list(found.values())


def test_numbers_outside_count_in_the_outer_buckets() -> None:
    statistics, _, _ = files("numbers", [10, 100, 200, 20, 30])
    (feature,) = statistics["features"]
    numbers = feature["numerical_statistics"]
    assert numbers["common"] == {"num_present": 330, "num_missing": 30}
    buckets = [
        (each["lower_bound"], each["upper_bound"], each["count"])
        for each in numbers["distribution"]["kll"]["buckets"]
    ]
    assert buckets == [(0.0, 1.0, 110), (1.0, 2.5, 220)]
    assert numbers["mean"] == (110 * 0.5 + 220 * 1.75) / 330
    assert (numbers["min"], numbers["max"]) == (0.0, 2.5)


def test_minimum_and_maximum_are_those_of_the_window() -> None:
    statistics, _, _ = files("numbers", [0, 0, 300, 0, 0])
    numbers = statistics["features"][0]["numerical_statistics"]
    assert (numbers["min"], numbers["max"]) == (1.0, 2.5)


def test_the_callers_bound_of_the_psi_is_stated() -> None:
    _, constraints, violations = files("numbers", [0, 100, 300, 0, 0], large=0.2)
    stated = constraints["monitoring_config"]["distribution_constraints"]
    assert stated["comparison_threshold"] == stated["categorical_comparison_threshold"] == 0.2
    (violation,) = violations["violations"]
    assert "exceeds 0.2;" in violation["description"]


def test_values_are_categories_with_their_domain() -> None:
    statistics, constraints, violations = files("values", [100, 300, 0, 0])
    (feature,) = statistics["features"]
    buckets = feature["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert buckets == [
        {"value": "a", "count": 100},
        {"value": "b", "count": 300},
        {"value": "other", "count": 0},
    ]
    (stated,) = constraints["features"]
    assert stated["string_constraints"] == {"domains": ["a", "b"]}
    kinds = [each["constraint_check_type"] for each in violations["violations"]]
    assert kinds == ["baseline_drift_check"]


def test_more_missing_values_are_a_violation_of_completeness() -> None:
    _, _, violations = files("numbers", [0, 300, 300, 0, 200])
    kinds = [each["constraint_check_type"] for each in violations["violations"]]
    assert kinds == ["baseline_drift_check", "completeness_check"]
