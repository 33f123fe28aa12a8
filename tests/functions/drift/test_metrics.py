import json
from typing import Any

from lading.functions.drift.metrics import MOST_FEATURES, metric_lines
from lading.functions.drift.verdict import judge
from lading.functions.drift.windows import sum_lines
from tests.functions.drift.lines import line, many

DRIFTING = many("numbers", [0, 500, 500, 0, 0], [0, 100, 800, 50, 50])


def metrics(*lines: str, copies: int = 1) -> list[dict[str, Any]]:
    (window,) = sum_lines(lines)
    window.features *= copies
    return [json.loads(each) for each in metric_lines(window, judge(window))]


def declared(document: dict[str, Any]) -> list[tuple[list[str], list[str]]]:
    """Dimensions and names of the metrics, each of which the line has."""
    found = document["_aws"]["CloudWatchMetrics"]
    for each in found:
        assert each["Namespace"] == "Lading"
        for name in (*each["Dimensions"][0], *(metric["Name"] for metric in each["Metrics"])):
            assert name in document
    return [(each["Dimensions"][0], [it["Name"] for it in each["Metrics"]]) for each in found]


def test_a_model_has_few_metrics_and_each_drifting_feature_one() -> None:
    model, feature = metrics(DRIFTING)
    names = ["DriftingFeatures", "LargestPSI", "LargestMissingShare", "LargestOutsideShare"]
    assert declared(model) == [(["model", "stage"], names)]
    assert (model["model"], model["stage"], model["drifting"]) == ("m", "none", ["x"])
    assert (model["DriftingFeatures"], model["LargestOutsideShare"]) == (1, 0.05)
    assert declared(feature) == [(["model", "stage", "feature"], ["FeaturePSI"])]
    assert feature["FeaturePSI"] == model["LargestPSI"] > 0.1


def test_a_window_without_drift_says_so_and_one_of_few_rows_has_no_metric() -> None:
    (calm,) = metrics(many("numbers", [0, 500, 500, 0, 0], [0, 500, 500, 0, 0]))
    assert (calm["DriftingFeatures"], calm["LargestPSI"]) == (0, 0)
    (few,) = metrics(line([0, 1, 0, 0, 0]))
    assert declared(few) == []
    assert few["judged"] is False


def test_many_drifting_features_do_not_become_as_many_metrics() -> None:
    assert len(metrics(DRIFTING, copies=40)) == 1 + MOST_FEATURES
