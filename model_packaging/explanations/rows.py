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
    budget = spec.explain.budget
    allowed = _affordable(features, budget)
    if allowed < _FEWEST:
        needed = 1 + _FEWEST * (1 + FEWEST_ROUNDS * cost_of_round(features, 1))
        reason = f"must be at least {needed} for {features} features"
        raise ManifestError(spec.place("explain.budget"), reason)
    count = min(spec.explain.background, allowed, samples.rows)
    while count >= min(_FEWEST, samples.rows):
        if samples.batch:
            count = max(count // samples.batch, 1) * samples.batch
        drawn = np.random.default_rng(SEED).choice(samples.rows, count, replace=False)
        rows = rows_of(samples.inputs, np.sort(drawn))
        if len(write_rows(rows)) <= MOST_BYTES:
            return rows
        count //= 2
    reason = f"has rows that are too long for explanations: {_FEWEST} exceed {MOST_BYTES} bytes"
    raise DataUnusable(samples.model, samples.origin, reason, samples.place)


def of_background(samples: Samples, background: Request) -> Samples:
    """Return the background as samples."""
    rows = len(next(iter(background.values())))
    return replace(samples, inputs=background, rows=rows, truth=None)


def _affordable(features: int, budget: int) -> int:
    """Return the most background rows with which one row can be explained."""
    sampled = (budget - 1) // (1 + FEWEST_ROUNDS * cost_of_round(features, 1))
    if features > MOST_EXACT:
        return sampled
    return max(sampled, (budget - 1) // (1 + cost_of_exact(features, 1)))
