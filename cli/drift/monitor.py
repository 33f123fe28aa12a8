"""Windows in the files of SageMaker Model Monitor, for its readers; no schedule is created.

`statistics.json` and `constraint_violations.json` are of the window, `constraints.json` of the
baseline. The service keeps no value, so mean, sum and standard deviation are estimates, with each
number in the middle of its bin; minimum and maximum are edges of bins that have numbers:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-statistics.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any

from lading.cli.drift.edges import Bins
from lading.functions.drift.verdict import LARGE, Judged
from lading.functions.drift.windows import Counted, Window

STATISTICS, CONSTRAINTS = "statistics.json", "constraints.json"
VIOLATIONS = "constraint_violations.json"


def monitor_files(
    window: Window, verdict: Sequence[Judged], bins: Bins, large: float = LARGE
) -> Mapping[str, dict[str, Any]]:
    """Return the content of each file by its name; from a PSI of `large` on, a shift matters."""
    items = max((each.rows for each in window.features), default=0)
    return {
        STATISTICS: {
            "version": 0.0,
            "dataset": {"item_count": items},
            "features": [_statistics(each, bins) for each in window.features],
        },
        CONSTRAINTS: {
            "version": 0.0,
            "features": [_constraints(each, bins) for each in window.features],
            "monitoring_config": _config(large),
        },
        VIOLATIONS: {"violations": [it for each in verdict for it in _violations(each, large)]},
    }


def _statistics(feature: Counted, bins: Bins) -> dict[str, Any]:
    missing, key = feature.counts[-1], (feature.side, feature.name)
    common = {"num_present": feature.rows - missing, "num_missing": missing}
    if feature.kind == "values":
        labels = bins.labels(key, len(feature.counts))[:-1]
        found = zip(labels, feature.counts, strict=False)
        buckets = [{"value": label, "count": count} for label, count in found]
        strings = {
            "common": common,
            "distinct_count": float(sum(1 for each in feature.counts[:-1] if each)),
            "distribution": {"categorical": {"buckets": buckets}},
        }
        return {"name": feature.name, "inferred_type": "String", "string_statistics": strings}
    numbers = _numbers(feature.counts, bins.edges(key))
    return {
        "name": feature.name,
        "inferred_type": "Fractional",
        "numerical_statistics": {"common": common, **numbers},
    }


def _numbers(counts: Sequence[int], edges: Sequence[float]) -> dict[str, Any]:
    """Return the statistics of numbers; those outside count in the first and in the last bin."""
    if len(edges) < 2:  # noqa: PLR2004 a bin has two edges
        return {"distribution": {"kll": {"buckets": []}}}
    inner = [*counts[1:-2]]
    inner[0] += counts[0]
    inner[-1] += counts[-2]
    spans = [*pairwise(edges)]
    middles = [(first + last) / 2 for first, last in spans]
    total, filled = sum(inner), [span for span, count in zip(spans, inner, strict=True) if count]
    low, high = (filled[0][0], filled[-1][1]) if filled else (edges[0], edges[-1])
    mean = sum(m * c for m, c in zip(middles, inner, strict=True)) / (total or 1)
    spread = sum(c * (m - mean) ** 2 for m, c in zip(middles, inner, strict=True)) / (total or 1)
    buckets = [
        {"lower_bound": first, "upper_bound": last, "count": float(count)}
        for (first, last), count in zip(spans, inner, strict=True)
    ]
    return {
        "mean": mean,
        "sum": mean * total,
        "std_dev": sqrt(spread),
        "min": low,
        "max": high,
        "distribution": {"kll": {"buckets": buckets}},
    }


def _constraints(feature: Counted, bins: Bins) -> dict[str, Any]:
    rows, key = sum(feature.expected), (feature.side, feature.name)
    completeness = 1 - feature.expected[-1] / rows if rows else 1.0
    named = {"name": feature.name, "completeness": completeness}
    if feature.kind == "values":
        domains = [str(each) for each in bins.values(key)]
        return {**named, "inferred_type": "String", "string_constraints": {"domains": domains}}
    edges = bins.edges(key)
    constraints = {"is_non_negative": bool(edges) and edges[0] >= 0}
    return {**named, "inferred_type": "Fractional", "num_constraints": constraints}


def _config(large: float) -> dict[str, Any]:
    return {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": {
            "perform_comparison": "Enabled",
            "comparison_threshold": large,
            "comparison_method": "Robust",
            "categorical_comparison_threshold": large,
            "categorical_drift_method": "ChiSquared",
        },
    }


def _violations(judged: Judged, large: float) -> list[dict[str, str]]:
    found = []
    if judged.drifts:
        found.append(
            {
                "feature_name": judged.name,
                "constraint_check_type": "baseline_drift_check",
                "description": f"PSI {judged.psi:.4f} exceeds {large:g}; p {judged.p:.2g}",
            }
        )
    if judged.drifts and judged.missing > judged.missing_before:
        found.append(
            {
                "feature_name": judged.name,
                "constraint_check_type": "completeness_check",
                "description": (
                    f"missing values: {judged.missing:.2%}, before {judged.missing_before:.2%}"
                ),
            }
        )
    return found
