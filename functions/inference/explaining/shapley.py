"""Shapley values of a game: exactly, or by antithetic pairs of random permutations.

A game has `features` players and is played against each row of a background. Its value is a
function of masks (which features come from the explained row; the others come from the background
row) and of places in the background. Here a feature's Shapley value is that of the game's mean over
the background, as in shap's interventional explainers (https://shap.readthedocs.io).

One pair is a random order of the features and one background row: features are switched on in that
order, and then in the reverse order, and a feature's contribution is the mean of both (Mitchell,
Cooper, Frank and Holmes, "Sampling Permutations for Shapley Value Estimation", JMLR 2022). Each
round has one pair for every background row, so the values always add up to the difference between
the row's answer and the mean of the background's.

The standard error is sd / sqrt(pairs). sd is that of the pairs' contributions around the mean of
their background row, since every background row takes part equally often: which rows they are is
not left to chance. It is 0 for a model whose features interact at most in pairs. Too few pairs
cannot tell that: pairs of one background row may be equal by chance. Then sd is that of all pairs,
which has the differences between background rows in it, and is too large rather than too small.
"""

from collections.abc import Callable
from math import factorial
from typing import Final, NamedTuple

import numpy as np

from lading.functions.inference.explaining.evaluating import chunks
from lading.functions.inference.tensors.conversion import Array

MOST_EXACT: Final = 10
"""Features up to which all coalitions are enumerated."""
FEWEST_ROUNDS, MOST_ROUNDS = 2, 32
"""One round has no standard error."""
_ENOUGH = 100
"""Pairs beyond one for each background row, from which on each row's own deviation is used. Below,
a forest's values beside 10 rows were in up to a quarter of all cases beyond three errors."""

Value = Callable[[Array, Array], Array]
"""Masks, bool [n, features], and places in the background, int [n], to values, float64 [n]."""


class Game(NamedTuple):
    """What is explained.

    Args:
        value: the value of coalitions; at most `at_once` in one call.
        features: the number of features.
        background: the values of the background's rows, float64 [rows].
        full: the value of the explained row.
        at_once: the most coalitions in one call of `value`.
    """

    value: Value
    features: int
    background: Array
    full: float
    at_once: int


class Estimate(NamedTuple):
    """Shapley values.

    Args:
        values: of each feature, float64 [features].
        errors: their standard errors, float64 [features]; 0 where they are exact.
        pairs: pairs of permutations; 0 for exact values.
    """

    values: Array
    errors: Array
    pairs: int


def cost_of_exact(features: int, background: int) -> int:
    """Return the evaluations of the exact values, beyond the row and the background."""
    return ((1 << features) - 2) * background if features else 0


def cost_of_round(features: int, background: int) -> int:
    """Return the evaluations of one round, beyond the row and the background."""
    return 2 * max(0, features - 1) * background


def exact(game: Game) -> Estimate:
    """Return the exact Shapley values, by all coalitions."""
    count, rows = game.features, len(game.background)
    worth = np.empty(1 << count)
    worth[0], worth[-1] = game.background.mean(), game.full
    codes = np.arange(1, (1 << count) - 1)
    places = np.tile(np.arange(rows), len(codes))
    coalitions = np.repeat(codes, rows)
    if len(codes):
        found = np.concatenate(
            [
                game.value(_bits(coalitions[part], count), places[part])
                for part in chunks(len(coalitions), game.at_once)
            ]
        )
        worth[1:-1] = found.reshape(-1, rows).mean(axis=1)
    return Estimate(_weighted(worth, count), np.zeros(count), 0)


def _bits(codes: Array, count: int) -> Array:
    return (codes[:, np.newaxis] >> np.arange(count) & 1).astype(np.bool_)


def _weighted(worth: Array, count: int) -> Array:
    """Return each feature's mean contribution, weighted by the orders in which it comes then."""
    codes = np.arange(1 << count)
    sizes = _bits(codes, count).sum(axis=1)
    weights = np.array(
        [factorial(size) * factorial(count - size - 1) / factorial(count) for size in range(count)]
    )
    values = np.empty(count)
    for feature in range(count):
        without = codes[codes >> feature & 1 == 0]
        gained = worth[without | 1 << feature] - worth[without]
        values[feature] = weights[sizes[without]] @ gained
    return values


def sampled(
    game: Game, rounds: int, seed: int, go_on: Callable[[], bool] = lambda: True
) -> Estimate:
    """Return estimates of Shapley values.

    Args:
        game: the game.
        rounds: rounds of one pair for each background row, at least 2.
        seed: of the random orders.
        go_on: asked before each round after the second; False ends the estimate there.
    """
    generator = np.random.default_rng(seed)
    rows, count = len(game.background), game.features
    total, squares = np.zeros((rows, count)), np.zeros((rows, count))
    done = 0
    for done in range(1, rounds + 1):
        pairs = _pairs(game, generator)
        change = pairs - total / max(1, done - 1)
        total += pairs
        squares += change * (pairs - total / done)  # Welford's sum of squared deviations
        if FEWEST_ROUNDS <= done < rounds and not go_on():
            break
    errors = np.sqrt(_variance(total / done, squares, done) / (rows * done))
    return Estimate(total.mean(axis=0) / done, errors, rows * done)


def _variance(means: Array, squares: Array, rounds: int) -> Array:
    """Return the variance of pairs, from the mean and the squared deviations of each row's."""
    rows, within = len(means), squares.sum(axis=0)
    if rows * (rounds - 1) >= _ENOUGH:
        return np.asarray(within / (rows * (rounds - 1)))
    between = rounds * ((means - means.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray((within + between) / (rows * rounds - 1))


def _pairs(game: Game, generator: np.random.Generator) -> Array:
    """Return the contributions in one pair for each background row, [background, features]."""
    rows, count = len(game.background), game.features
    orders = generator.permuted(np.tile(np.arange(count), (rows, 1)), axis=1)
    ranks = np.argsort(orders, axis=1)
    found = [np.empty((rows, count + 1)) for _ in range(2)]
    for walk in found:
        walk[:, 0], walk[:, -1] = game.background, game.full
    steps = count - 1
    for part in chunks(2 * rows * steps, game.at_once):
        direction, place, step = _positions(part, rows, steps)
        turn = ranks[place]
        turn = np.where(direction[:, np.newaxis] == 0, turn, count - 1 - turn)
        values = game.value(turn <= step[:, np.newaxis], place)
        for way, walk in enumerate(found):
            mine = direction == way
            walk[place[mine], step[mine] + 1] = values[mine]
    forward, backward = (np.diff(walk, axis=1) for walk in found)
    gained = (
        np.take_along_axis(forward, ranks, 1) + np.take_along_axis(backward[:, ::-1], ranks, 1)
    ) / 2
    return np.asarray(gained)


def _positions(part: slice, rows: int, steps: int) -> tuple[Array, Array, Array]:
    """Return direction (0 or 1), background row and step of each evaluation of a part."""
    index = np.arange(part.start, part.stop)
    return index // (rows * steps), index // steps % rows, index % steps
