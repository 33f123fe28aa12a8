"""Chooses the background rows of Shapley values: as many as the budget and the file allow."""

from dataclasses import replace

import numpy as np

from lading.functions.inference.explaining.recorded import MOST_BYTES, rows_of, write_rows
from lading.functions.inference.explaining.shapley import (
    FEWEST_ROUNDS,
    MOST_EXACT,
    cost_of_exact,
    cost_of_round,
)
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable, ManifestError
from lading.model_packaging.manifest.models import ModelSpec

SEED = 54
_FEWEST = 2
"""Beside one row alone, a value would say nothing of the others."""


def choose_background(spec: ModelSpec, samples: Samples, features: int) -> Request:
    """Return background rows, drawn from `samples` without replacement.

    Args:
        spec: the model, whose manifest has `explain`.
        samples: real rows.
        features: how many features the model has.

    Raises:
        ManifestError: the budget is too small for so many features.
        DataUnusable: the rows are too few, or too long.
    """
    assert spec.explain is not None
    allowed = (spec.explain.budget - 1) // _cost(features)
    fewest = samples.batch or min(_FEWEST, samples.rows)
    if allowed < fewest:
        reason = f"must be at least {1 + fewest * _cost(features)} for {features} features"
        raise ManifestError(spec.place("explain.budget"), reason)
    count = max(fewest, min(spec.explain.background, allowed, samples.rows))
    while count >= fewest:
        count -= count % (samples.batch or 1)
        drawn = np.random.default_rng(SEED).choice(samples.rows, count, replace=False)
        rows = rows_of(samples.inputs, np.sort(drawn))
        if len(write_rows(rows)) <= MOST_BYTES:
            return rows
        count //= 2
    reason = f"has rows that are too long for explanations: {fewest} exceed {MOST_BYTES} bytes"
    raise DataUnusable(samples.model, samples.origin, reason, samples.place)


def of_background(samples: Samples, background: Request) -> Samples:
    """Return the background as samples."""
    rows = len(next(iter(background.values())))
    return replace(samples, inputs=background, rows=rows, truth=None)


def _cost(features: int) -> int:
    """Return the fewest evaluations for a row to explain, for each background row."""
    sampled = 1 + FEWEST_ROUNDS * cost_of_round(features, 1)
    if features > MOST_EXACT:
        return sampled
    return min(sampled, 1 + cost_of_exact(features, 1))
