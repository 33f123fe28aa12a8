from pathlib import Path

import numpy as np
import pytest

from functions.inference.tensors import Array
from model_packaging.accuracy import gate, measure
from model_packaging.conversion import Model, as_bytes
from model_packaging.errors import AccuracyDropped, DataUnusable
from model_packaging.manifest import AccuracySpec, Metric
from model_packaging.samples import Samples
from tests.model_packaging.models import samples

ROWS = np.arange(100, dtype=np.float32).reshape(100, 1)
PARITY = np.arange(100) % 2


def wrong_below(count: int) -> Model:
    """Says the parity of x, wrongly below `count`; a second output must not matter."""

    def model(inputs: dict[str, Array]) -> dict[str, Array]:
        x = inputs["x"][:, 0].astype(np.int64)
        return {"label": np.where(x < count, 1 - x % 2, x % 2), "other": inputs["x"] * 0}

    return model


def gives(name: str, answer: Array) -> Model:
    return lambda inputs: {name: answer[inputs["x"][:, 0].astype(np.int64)]}


def held_out(truth: Array = PARITY) -> Samples:
    return samples(truth, x=ROWS)


def spec(max_drop: float, metric: Metric = "accuracy") -> AccuracySpec:
    return AccuracySpec(Path("holdout.npz"), metric, max_drop)


def test_a_drop_within_the_limit_passes_with_its_figures() -> None:
    change = gate(spec(0.02), held_out(), wrong_below(3), wrong_below(5))
    assert (change.before, change.after, change.drop) == (0.97, 0.95, 0.02)


def test_a_model_without_one_right_answer_cannot_pass() -> None:
    with pytest.raises(DataUnusable, match="no row that either model answers right"):
        gate(spec(0.02), held_out(), wrong_below(100), wrong_below(100))


def test_a_drop_over_the_limit_is_refused_with_both_numbers() -> None:
    with pytest.raises(AccuracyDropped, match=r"from 0\.9700 to 0\.9400") as caught:
        gate(spec(0.02), held_out(), wrong_below(3), wrong_below(6))
    refusal = caught.value
    assert (refusal.before, refusal.after, refusal.drop) == (0.97, 0.94, 0.03)
    assert refusal.max_drop == 0.02


def test_a_model_that_became_better_passes_any_gate() -> None:
    assert gate(spec(0), held_out(), wrong_below(5), wrong_below(3)).drop == -0.02


@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_of_an_error_more_is_worse(metric: Metric) -> None:
    truth = np.linspace(0, 1, 100)
    near, far = (gives("prediction", (truth + off).astype(np.float32)) for off in (0.1, 0.3))
    change = gate(spec(0.25, metric), held_out(truth), near, far)
    assert np.allclose([change.before, change.after, change.drop], [0.1, 0.3, 0.2], atol=1e-6)
    with pytest.raises(AccuracyDropped):
        gate(spec(0.15, metric), held_out(truth), near, far)
    assert gate(spec(0, metric), held_out(truth), far, near).drop < 0


def test_errors_weigh_as_their_metric_says() -> None:
    truth = np.zeros(100)
    answer = np.zeros((100, 1), np.float32)
    answer[0] = 10
    model = gives("prediction", answer)
    assert measure("mae", held_out(truth), model) == pytest.approx(0.1)
    assert measure("rmse", held_out(truth), model) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        (PARITY, np.eye(2, dtype=np.float32)[PARITY]),
        (PARITY, PARITY[:, np.newaxis]),
        (PARITY == 1, PARITY),
        (PARITY.astype(np.float64), PARITY.astype(np.int32)),
        (np.array(["even", "odd"])[PARITY], as_bytes(np.array(["even", "odd"])[PARITY])),
    ],
)
def test_labels_are_compared_in_whatever_form_they_come(truth: Array, answer: Array) -> None:
    assert measure("accuracy", held_out(truth), gives("label", answer)) == 1.0


@pytest.mark.parametrize(
    ("metric", "truth", "answer", "text"),
    [
        ("accuracy", PARITY, PARITY.astype(np.float32), "needs labels or a score per class"),
        ("accuracy", np.array(["a", "b"])[PARITY], PARITY, "'y' of <U1"),
        ("accuracy", np.c_[PARITY, PARITY], PARITY, r"'y' of int64 \[100, 2\]"),
        ("mae", PARITY, np.ones((100, 2), np.float32), r"answers float32 \[100, 2\]"),
        ("mae", np.array(["a", "b"])[PARITY], PARITY, "'y' of <U1"),
        ("rmse", PARITY, np.full(100, np.nan, np.float32), "makes the model answer NaN"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(
    metric: str, truth: Array, answer: Array, text: str
) -> None:
    with pytest.raises(DataUnusable, match=text):
        measure(metric, held_out(truth), gives("answer", answer))


def test_a_model_that_fails_on_the_rows_is_one_clear_error() -> None:
    def fail(inputs: dict[str, Array]) -> dict[str, Array]:
        raise ValueError("Input X contains NaN.")

    with pytest.raises(DataUnusable, match="original model: Input X contains NaN"):
        gate(spec(0), held_out(), fail, wrong_below(0))
