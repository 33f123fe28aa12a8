"""Shapley values: against shap 0.54 (`make_shap_values.py`), and by their definition."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.explaining.shapley import (
    Estimate,
    Game,
    _pairs,
    cost_of_exact,
    cost_of_round,
    exact,
    sampled,
)
from lading.functions.inference.tensors.conversion import Array
from tests.functions.inference.explaining.reference_models import MODELS

CASES = json.loads(Path(__file__).with_name("shap_values.json").read_text())["cases"]
ROUNDS = {"forest": 4, "network": 8}


def game_of(case: Any, model: Any, row: int, output: int) -> Game:
    """The game of a row of a reference model."""
    background, x = np.array(case["background"]), np.array(case["x"])[row]

    def value(masks: Array, at: Array) -> Array:
        found: Array = model(np.where(masks, x, background[at]))[:, output]
        return found

    answers = model(background)[:, output]
    return Game(value, len(x), answers, float(model(x[np.newaxis])[0, output]), 4096)


@cache
def estimates(name: str) -> list[tuple[Array, Estimate, Game]]:
    """shap's values of each row and output, the estimate of them, and the game."""
    case = CASES[name]
    model, values = MODELS[name](case["parameters"]), np.array(case["values"])
    found = []
    for row in range(len(values)):
        for output in range(values.shape[2]):
            game = game_of(case, model, row, output)
            found.append((values[row, :, output], sampled(game, ROUNDS[name], row), game))
    return found


@pytest.mark.parametrize("name", ["forest", "network"])
def test_estimates_are_within_their_standard_errors_of_shap(name: str) -> None:
    found = estimates(name)
    right = np.concatenate([values for values, _, _ in found])
    got = np.concatenate([estimate.values for _, estimate, _ in found])
    errors = np.concatenate([estimate.errors for _, estimate, _ in found])
    off = np.abs(got - right)
    assert (errors > 0).mean() > 0.8
    assert (off <= 3 * errors + 1e-9).mean() >= 0.99
    assert (off <= 5 * errors + 1e-9).all()
    some = errors > 1e-9
    assert 0.9 < np.sqrt(np.mean((off[some] / errors[some]) ** 2)) < 1.1  # not too wide either


@pytest.mark.parametrize("name", ["forest", "network"])
def test_estimates_add_up(name: str) -> None:
    for _, estimate, game in estimates(name):
        assert game.background.mean() + estimate.values.sum() == pytest.approx(game.full, abs=1e-9)


def test_all_coalitions_give_the_values_of_shap() -> None:
    case = CASES["product"]
    model = MODELS["product"](case["parameters"])
    for row, values in enumerate(np.array(case["values"])):
        estimate = exact(game_of(case, model, row, 0))
        np.testing.assert_allclose(estimate.values, values[:, 0], atol=1e-9)
        assert not estimate.errors.any()
        assert not estimate.pairs


def test_pairs_are_exact_where_features_interact_at_most_in_pairs() -> None:
    generator = np.random.default_rng(5)
    weights = generator.normal(size=(6, 6))
    background, x = generator.normal(size=(7, 6)), generator.normal(size=6)

    def model(rows: Array) -> Array:
        answer: Array = np.einsum("ni,ij,nj->n", rows, weights, rows) + rows.sum(axis=1)
        return answer

    game = Game(
        lambda masks, at: model(np.where(masks, x, background[at])),
        *(6, model(background), float(model(x[np.newaxis])[0]), 50),
    )
    estimate = sampled(game, 16, 0)
    np.testing.assert_allclose(estimate.errors, 0, atol=1e-12)
    np.testing.assert_allclose(estimate.values, exact(game).values, atol=1e-12)


def steps(seed: int) -> Game:
    """A sum of steps of three features each, beside ten background rows."""
    generator = np.random.default_rng(seed)
    chosen = [generator.choice(8, 3, replace=False) for _ in range(20)]
    limits, weights = generator.normal(size=(20, 3)) * 0.3, generator.normal(size=20)
    background, x = generator.normal(size=(10, 8)), generator.normal(size=8)

    def model(rows: Array) -> Array:
        each = zip(chosen, limits, strict=True)
        answer: Array = weights @ np.array(
            [(rows[:, at] > limit).all(axis=1) for at, limit in each]
        )
        return answer

    return Game(
        lambda masks, at: model(np.where(masks, x, background[at])),
        *(8, model(background), float(model(x[np.newaxis])[0]), 4096),
    )


def test_few_pairs_have_an_error_that_is_rather_too_large() -> None:
    """The two pairs beside one background row are often equal, and yet not the right value."""
    games = [steps(seed) for seed in range(30)]
    found = [(exact(game), sampled(game, 2, seed)) for seed, game in enumerate(games)]
    off = np.array([np.abs(few.values - right.values) for right, few in found])
    errors = np.array([few.errors for _, few in found])
    assert (off > 3 * errors + 1e-9).mean() <= 0.01


def test_the_error_of_few_pairs_is_their_deviation_over_the_root_of_their_number() -> None:
    game = game_of(CASES["network"], MODELS["network"](CASES["network"]["parameters"]), 0, 0)
    few = game._replace(background=game.background[:5])
    generator = np.random.default_rng(3)
    pairs = np.concatenate([_pairs(few, generator) for _ in range(4)])
    wanted = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    np.testing.assert_allclose(sampled(few, 4, 3).errors, wanted)


def counting(features: int, rows: int, at_once: int) -> tuple[Game, list[int]]:
    """A game that records how many coalitions each call has."""
    calls: list[int] = []

    def value(masks: Array, at: Array) -> Array:
        calls.append(len(masks))
        inner = masks.any(axis=1) & ~masks.all(axis=1)
        assert inner.all()
        return np.asarray(masks[:, 0] * 1.0 + at)

    return Game(value, features, np.arange(rows) * 1.0, 2.0, at_once), calls


def test_evaluations_are_as_many_as_they_cost_and_no_call_is_too_large() -> None:
    game, calls = counting(5, 3, 8)
    assert sampled(game, 3, 0).pairs == 9
    assert sum(calls) == 3 * cost_of_round(5, 3)
    assert max(calls) == 8
    game, calls = counting(5, 3, 8)
    exact(game)
    assert (sum(calls), max(calls)) == (cost_of_exact(5, 3), 8)


def test_one_feature_and_none_need_no_evaluations() -> None:
    game, calls = counting(1, 3, 8)
    np.testing.assert_allclose(exact(game).values, [1.0])
    assert not calls
    assert cost_of_exact(0, 3) == cost_of_round(0, 3) == cost_of_round(1, 3) == 0


def test_an_estimate_ends_early_after_two_rounds_at_the_soonest() -> None:
    game, calls = counting(4, 2, 100)
    assert sampled(game, 9, 0, lambda: False).pairs == 4
    assert sum(calls) == 2 * cost_of_round(4, 2)


def test_a_seed_gives_the_same_orders_again() -> None:
    case = CASES["network"]
    game = game_of(case, MODELS["network"](case["parameters"]), 0, 0)
    first, again, other = (sampled(game, 2, seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
