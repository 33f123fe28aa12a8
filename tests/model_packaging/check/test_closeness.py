from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.closeness import USUAL, Closeness, closeness_of, undecided_rows
from lading.model_packaging.manifest.checking import CheckSpec
from lading.model_packaging.manifest.entries import AccuracySpec, Metric
from lading.model_packaging.manifest.models import ModelSpec

WIDE = Closeness(0.01)


def rows(*values: list[float]) -> Array:
    return np.array(values, np.float32)


def wrong(closeness: Closeness, original: Array, converted: Array) -> list[bool]:
    return [bool(each) for each in closeness.wrong_rows("y", original, converted)]


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e5])
def test_a_wider_tolerance_grows_at_every_size_of_number(size: float) -> None:
    original = rows([size, -size])
    allowed = 10 * (1e-4 + 1e-3 * size + 1e-5 * size)
    near, apart = (original + np.float32(factor * allowed) for factor in (0.95, 1.05))
    assert wrong(USUAL, original, near) == [True]
    assert wrong(WIDE, original, near) == [False]
    assert wrong(WIDE, original, apart) == [True]


def test_one_row_beyond_a_wider_tolerance_is_not_excused() -> None:
    original = np.ones((1000, 1), np.float32)
    converted = original.copy()
    converted[7] = 1.02
    assert np.flatnonzero(WIDE.wrong_rows("y", original, converted)).tolist() == [7]


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, object])
def test_what_is_no_float_must_be_equal(dtype: type) -> None:
    original: Array = np.array([[0], [1]], dtype)
    converted: Array = np.array([[0], [0]], dtype)
    assert wrong(Closeness(0.1), original, converted) == [False, True]


def test_a_number_that_is_not_finite_must_stay_so() -> None:
    original = rows([np.nan], [np.inf], [1.0])
    assert wrong(WIDE, original, rows([1.0], [3e38], [np.nan])) == [True, True, True]


def test_the_likeliest_class_must_stay_within_a_wider_tolerance() -> None:
    original, flipped = rows([0.502, 0.498]), rows([0.498, 0.502])
    assert wrong(WIDE, original, original * np.float32(1.0)) == [False]
    assert wrong(WIDE, original, flipped) == [True]


def test_a_class_may_change_where_the_original_is_undecided() -> None:
    assert wrong(WIDE, rows([0.5001, 0.4999]), rows([0.4999, 0.5001])) == [False]


def test_scores_that_are_no_probabilities_are_known_by_name() -> None:
    original, flipped = rows([5.02, 5.0]), rows([5.0, 5.02])
    assert wrong(WIDE, original, flipped) == [False]  # coordinates, say
    assert wrong(Closeness(0.01, frozenset({"y"})), original, flipped) == [True]


def test_a_single_score_must_stay_on_its_side_of_a_half() -> None:
    original, flipped = rows([0.503]), rows([0.499])
    assert wrong(WIDE, original, flipped) == [False]
    assert wrong(Closeness(0.01, frozenset({"y"})), original, flipped) == [True]


def test_only_the_usual_tolerance_makes_a_row_undecided() -> None:
    assert undecided_rows({"y": rows([0.5001, 0.4999], [0.503, 0.497])}).tolist() == [True, False]


@pytest.mark.parametrize(
    ("metric", "output", "scores"),
    [("accuracy", None, {"a", "b", "c"}), ("top_k", "b", {"b", "c"}), ("mae", None, {"c"})],
)
def test_scores_are_what_the_converter_or_the_gate_knows_as_such(
    metric: Metric, output: str | None, scores: set[str]
) -> None:
    gate = AccuracySpec(Path("rows.npz"), metric, 0.01, output)
    spec = ModelSpec("m", Path("m.onnx"), accuracy=gate, check=CheckSpec(0.02))
    assert closeness_of(spec, ["a", "b"], {"c": ()}) == Closeness(0.02, frozenset(scores))
