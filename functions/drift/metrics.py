"""Verdicts as metrics: lines in CloudWatch's embedded metric format.

Each model has a few metrics, whatever the number of its features; only the features that drift, at
most ten, have one of their own. The log line names all of them.
"""

import json
from collections.abc import Iterator, Sequence
from time import time
from typing import Any, Final

from lading.functions.contract.names import DRIFT, METRICS
from lading.functions.drift.verdict import Judged, figures_of
from lading.functions.drift.windows import Window

MOST_FEATURES: Final = 10

_DIGITS: Final = 6


def metric_lines(window: Window, verdict: Sequence[Judged]) -> Iterator[str]:
    """Yield the line of a version's window, and one for each feature that drifts."""
    drifting = [each for each in verdict if each.drifts]
    dimensions = {"model": window.model, METRICS.stage: window.stage or "none"}
    about = {
        "message": "drift judged",
        "version": window.version,
        "requests": window.requests,
        "counted": window.counted,
        "drifting": [each.name for each in drifting],
        "judged": bool(verdict),
    }
    yield _line(dimensions, figures_of(verdict) if verdict else {}, about)
    for each in drifting[:MOST_FEATURES]:
        named = {**dimensions, "feature": each.name}
        yield _line(named, {DRIFT.feature: each.psi}, {"message": "feature drifts", "p": each.p})


def _line(dimensions: dict[str, str], figures: dict[str, float], about: dict[str, Any]) -> str:
    metrics = [{"Name": name, "Unit": "None"} for name in figures]
    declared = {"Namespace": METRICS.namespace, "Dimensions": [[*dimensions]], "Metrics": metrics}
    emf = {"Timestamp": int(time() * 1000), "CloudWatchMetrics": [declared] if figures else []}
    rounded = {name: round(value, _DIGITS) for name, value in figures.items()}
    return json.dumps({**about, **dimensions, **rounded, "_aws": emf})
