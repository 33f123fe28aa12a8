"""Permutation importances: how much the metric of the gate drops when a feature is shuffled.

Breiman, "Random Forests" (2001); as in scikit-learn's `permutation_importance`, the rows of one
column change places on the held-out rows. All features are shuffled once; the highest of them
several times, with an interval of the mean drop by the bootstrap over the rows (`bootstrap.py`).
A feature that repeats another may get none of the importance that both have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from lading.functions.inference.explaining.columns import Columns
from lading.functions.inference.tensors.conversion import Array, as_datatype, datatype_of
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.measure.accuracy import Gate
from lading.model_packaging.measure.bootstrap import paired_intervals
from lading.model_packaging.measure.metrics import Weighted

MOST = 10
"""Features in the report."""
REPEATS = 5
MOST_EVALUATIONS = 1 << 19
"""Evaluations beyond which no importances are measured."""

_SEED = 2001
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Shuffled:
    """What is measured on.

    Args:
        gate: the gate, which has the truth and the metric.
        model: the model to publish.
        rows: the held-out rows, as callers send them.
        columns: the features.
    """

    gate: Gate
    model: Model
    rows: Samples
    columns: Columns

    def affordable(self) -> bool:
        """Return whether the importances need not too many evaluations."""
        return self.rows.rows * (len(self.columns.names) + MOST * REPEATS) <= MOST_EVALUATIONS

    def importances(self) -> list[dict[str, Any]]:
        """Return the highest importances: `feature`, `drop`, and its 95 % interval, `low`, `high`.

        Raises:
            DataUnusable: the metric cannot be computed on the answers.
        """
        before = self.gate.on_rows(self.model, self.rows.inputs)
        sign, even = (1 if self.gate.rising else -1), np.ones(self.rows.rows)
        once = [
            sign * (before(even) - next(self._after(feature))(even))
            for feature in range(len(self.columns.names))
        ]
        highest = np.argsort(once)[::-1][:MOST].tolist()
        found = [self._importance(before, feature) for feature in highest]
        return sorted(found, key=lambda each: -each["drop"])

    def _importance(self, before: Weighted, feature: int) -> dict[str, Any]:
        after = _mean(list(islice(self._after(feature), REPEATS)))
        sign, even = (1 if self.gate.rising else -1), np.ones(self.rows.rows)
        interval = paired_intervals(before, after, self.rows.rows, sign).drop
        return {
            "feature": self.columns.names[feature],
            "drop": round(sign * (before(even) - after(even)), _DECIMALS),
            "low": interval.low,
            "high": interval.high,
        }

    def _after(self, feature: int) -> Iterator[Weighted]:
        """Yield the metric with the feature shuffled, each time in another order."""
        generator = np.random.default_rng([_SEED, feature])
        while True:
            order = generator.permutation(self.rows.rows)
            yield self.gate.on_rows(self.model, self._moved(feature, order))

    def _moved(self, feature: int, order: Array) -> Request:
        moved = {}
        for name, places in self.columns.places.items():
            array = self.rows.inputs[name]
            flat = np.asarray(array).reshape(len(array), -1).copy()
            mine = places == feature
            flat[:, mine] = flat[order][:, mine]
            moved[name] = as_datatype(flat.reshape(array.shape), datatype_of(array))
        return moved


def _mean(several: list[Weighted]) -> Weighted:
    def weighted(weights: Array) -> float:
        return float(np.mean([each(weights) for each in several]))

    return weighted
