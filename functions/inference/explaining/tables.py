"""Shapley values of the columns of one row, and the document that holds them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from lading.functions.inference.explaining.columns import Columns, Mixing
from lading.functions.inference.explaining.evaluating import Evaluator, chunks
from lading.functions.inference.explaining.recorded import rows_of
from lading.functions.inference.explaining.shapley import (
    FEWEST_ROUNDS,
    MOST_EXACT,
    MOST_ROUNDS,
    Estimate,
    Game,
    cost_of_exact,
    cost_of_round,
    exact,
    sampled,
)
from lading.functions.inference.tensors.conversion import Array

_NO_FEATURES = Estimate(np.empty(0), np.empty(0), 0)


class ExplainedColumns(NamedTuple):
    """A model's columns, and its background with the answers to it.

    Args:
        columns: the columns.
        background: rows of each input.
        answers: the output for each background row, float64 [rows, values].
        evaluator: the model.
        at_once: the most rows of one run.
    """

    columns: Columns
    background: Mapping[str, Array]
    answers: Array
    evaluator: Evaluator
    at_once: int

    def explain(
        self, x: Mapping[str, Array], target: Callable[[Array], int], evaluations: int, seed: int
    ) -> dict[str, Any]:
        """Return the explanation of one row.

        Args:
            x: the row of each input, [1, ...].
            target: chooses a value of the answer.
            evaluations: the most rows that the model may answer for it, `least_cost` or more.
            seed: of the random orders.
        """
        mixing = Mixing(self.columns, x, self.background, self.columns.varying(x, self.background))
        (answer,) = self.evaluator.answer(x)
        place = target(answer)

        def value(masks: Array, at: Array) -> Array:
            found: Array = self.evaluator.answer(mixing.rows(masks, at))[:, place]
            return found

        game = Game(
            value, len(mixing.varying), self.answers[:, place], float(answer[place]), self.at_once
        )
        estimate = self._estimate(game, evaluations, seed)
        values, errors = np.zeros((2, len(self.columns.names)))
        values[mixing.varying], errors[mixing.varying] = estimate.values, estimate.errors
        told: dict[str, Any] = {
            "method": "shapley_permutation" if estimate.pairs else "shapley_exact",
            "target": place,
            "prediction": game.full,
            "base_value": float(game.background.mean()),
            "values": self.columns.shaped(values, x),
            "standard_error": self.columns.shaped(errors, x),
        }
        if estimate.pairs:
            told |= {"pairs": estimate.pairs, "seed": seed}
        return told

    def _estimate(self, game: Game, evaluations: int, seed: int) -> Estimate:
        count, rows = game.features, len(self.answers)
        if not count:
            return _NO_FEATURES
        if count <= MOST_EXACT and 1 + cost_of_exact(count, rows) <= evaluations:
            return exact(game)
        round_ = cost_of_round(count, rows)
        rounds = min(MOST_ROUNDS, (evaluations - 1) // round_)
        return sampled(game, rounds, seed, lambda: self.evaluator.time_for(round_))


def least_cost(
    columns: Columns, x: Mapping[str, Array], background: Mapping[str, Array], evaluations: int
) -> int:
    """Return the fewest evaluations for an explanation of one row that may have `evaluations`."""
    features = len(columns.varying(x, background))
    rows = len(next(iter(background.values())))
    exactly = 1 + cost_of_exact(features, rows)
    if features <= MOST_EXACT and exactly <= evaluations:
        return exactly
    return 1 + FEWEST_ROUNDS * cost_of_round(features, rows)


def open_table(
    columns: Columns, background: Mapping[str, Array], evaluator: Evaluator
) -> ExplainedColumns:
    """Return the table, with the model's answers to the background."""
    rows = len(next(iter(background.values())))
    at_once = evaluator.rows_per_run(sum(map(len, columns.places.values())))
    answers = np.concatenate(
        [
            evaluator.answer(rows_of(background, np.arange(part.start, part.stop)))
            for part in chunks(rows, at_once)
        ]
    )
    return ExplainedColumns(columns, background, answers, evaluator, at_once)
