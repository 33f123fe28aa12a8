from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.manifest.entries import AccuracySpec, Metric
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.accuracy import Gate
from lading.model_packaging.measure.change import (
    AccuracyChange,
    AccuracyDropped,
    AccuracyUncertain,
    Missing,
)
from tests.model_packaging.models import samples

COUNT = 1000
ROWS = np.arange(COUNT, dtype=np.float32).reshape(COUNT, 1)
PARITY = np.arange(COUNT) % 2


def wrong_below(count: int) -> Model:
    """Says the parity of x, wrongly below `count`; a second output must not matter."""

    def model(inputs: dict[str, Array]) -> dict[str, Array]:
        x = inputs["x"][:, 0].astype(np.int64)
        return {"label": np.where(x < count, 1 - x % 2, x % 2), "other": inputs["x"] * 0.3}

    return model


def gives(**outputs: Array) -> Model:
    return lambda inputs: {
        name: answer[inputs["x"][:, 0].astype(np.int64)] for name, answer in outputs.items()
    }


def held_out(truth: Array = PARITY) -> Samples:
    return samples(truth, x=ROWS[: len(truth)])


def spec(max_drop: float, metric: Metric = "accuracy", **changes: Any) -> ModelSpec:
    gate = AccuracySpec(Path("holdout.npz"), metric, max_drop, **changes)
    return ModelSpec("model", Path("model.onnx"), accuracy=gate)


def judge(asked: ModelSpec, rows: Samples, before: Model, after: Model) -> AccuracyChange:
    return Gate(asked, rows, before).judge(after)


def test_a_drop_within_the_limit_passes_with_its_figures_and_their_intervals() -> None:
    change = judge(spec(0.02), held_out(), wrong_below(30), wrong_below(40))
    assert (change.before, change.after, change.drop, change.rows) == (0.97, 0.96, 0.01, COUNT)
    assert change.intervals is not None
    assert change.intervals.drop.low < 0.01 < change.intervals.drop.high <= 0.02
    assert change.intervals.before.low < 0.97 < change.intervals.before.high
    assert "a drop of 0.0100 (0.0" in str(change)


def test_a_drop_over_the_limit_is_refused_with_both_numbers() -> None:
    with pytest.raises(AccuracyDropped, match=r"from 0\.9700 to 0\.9400") as caught:
        judge(spec(0.02), held_out(), wrong_below(30), wrong_below(60))
    refusal = caught.value
    assert not isinstance(refusal, AccuracyUncertain)
    assert (refusal.before, refusal.after, refusal.drop) == (0.97, 0.94, 0.03)
    assert refusal.max_drop == 0.02


def test_a_drop_that_may_be_over_the_limit_is_refused_whatever_its_estimate() -> None:
    with pytest.raises(AccuracyUncertain, match="1000 rows are too few to show") as caught:
        judge(spec(0.02), held_out(), wrong_below(30), wrong_below(47))
    assert caught.value.drop == 0.017
    assert "hold out more" in str(caught.value)


@pytest.mark.parametrize(("rows", "max_drop", "needed"), [(20, 0.5, 30), (200, 0.01, 300)])
def test_so_few_rows_that_none_could_tell_are_refused_even_without_a_drop(
    rows: int, max_drop: float, needed: int
) -> None:
    with pytest.raises(AccuracyUncertain, match=f"hold out at least {needed}, or") as caught:
        judge(spec(max_drop), held_out(PARITY[:rows]), wrong_below(3), wrong_below(3))
    assert (caught.value.rows, caught.value.needed) == (rows, needed)


def test_the_rule_of_three_is_about_rows_that_are_right_or_wrong_only() -> None:
    truth = np.linspace(0, 1, 40)
    same = gives(prediction=truth.astype(np.float32))
    assert judge(spec(0.001, "mae"), held_out(truth), same, same).drop == 0


def test_without_any_allowance_no_row_may_become_worse() -> None:
    assert judge(spec(0), held_out(), wrong_below(5), wrong_below(5)).drop == 0
    assert judge(spec(0), held_out(), wrong_below(50), wrong_below(30)).drop == -0.02
    with pytest.raises(AccuracyDropped):
        judge(spec(0), held_out(), wrong_below(5), wrong_below(6))


def test_a_model_without_one_right_answer_cannot_pass() -> None:
    with pytest.raises(DataUnusable, match="no row that either model answers correctly"):
        judge(spec(0.02), held_out(), wrong_below(COUNT), wrong_below(COUNT))


@pytest.mark.parametrize("metric", ["accuracy", "f1", "roc_auc", "top_k"])
def test_rows_of_one_class_tell_nothing(metric: Metric) -> None:
    with pytest.raises(DataUnusable, match="has only one class in 'y'"):
        judge(spec(0.02, metric), held_out(PARITY * 0), wrong_below(0), wrong_below(0))


@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_of_an_error_more_is_worse(metric: Metric) -> None:
    truth = np.linspace(0, 1, 100)
    near, far = (gives(prediction=(truth + off).astype(np.float32)) for off in (0.1, 0.3))
    change = judge(spec(0.25, metric), held_out(truth), near, far)
    assert np.allclose([change.before, change.after, change.drop], [0.1, 0.3, 0.2], atol=1e-6)
    with pytest.raises(AccuracyDropped):
        judge(spec(0.15, metric), held_out(truth), near, far)
    assert judge(spec(0, metric), held_out(truth), far, near).drop < 0


def test_without_a_truth_a_model_is_held_against_the_original() -> None:
    rows = Samples("model", "rows.npz", {"x": ROWS}, COUNT, 0)
    change = judge(spec(0.02, "match"), rows, wrong_below(0), wrong_below(10))
    assert (change.before, change.after) == (1, 0.99)
    vectors = np.random.default_rng(0).standard_normal((COUNT, 8)).astype(np.float32)
    noise = np.random.default_rng(1).standard_normal((COUNT, 8)).astype(np.float32)
    one, other = gives(vector=vectors), gives(vector=vectors + noise / 10)
    change = judge(spec(0.02, "cosine"), rows, one, other)
    assert 0.99 < change.after < change.before == 1
    with pytest.raises(AccuracyDropped):
        judge(spec(0.02, "cosine"), rows, one, gives(vector=noise))


def test_scores_are_taken_from_the_first_output_that_has_them() -> None:
    scores = np.eye(2, dtype=np.float32)[PARITY]
    model = gives(label=PARITY, probabilities=scores)
    assert judge(spec(0.1, "roc_auc"), held_out(), model, model).after == 1
    assert judge(spec(0.1, "top_k", k=1), held_out(), model, model).after == 1


def test_the_manifest_may_name_the_output_that_counts() -> None:
    model = gives(wrong=1 - PARITY, right=PARITY)
    assert judge(spec(0.1, output="right"), held_out(), model, model).after == 1
    with pytest.raises(
        DataUnusable, match=r"accuracy\.output: 'lost' is not an output .*wrong, ri"
    ):
        judge(spec(0.1, output="lost"), held_out(), model, model)


@pytest.mark.parametrize(
    ("metric", "truth", "answer", "text"),
    [
        ("rmse", PARITY, np.full(COUNT, np.nan, np.float32), "makes the model answer NaN"),
        ("rmse", PARITY, np.full(COUNT, b"a", np.object_), r"accuracy\.metric: rmse has 'y' of"),
        ("accuracy", PARITY, PARITY + 0.5, r"accuracy\.metric: accuracy needs labels"),
    ],
)
def test_what_cannot_be_measured_is_one_clear_error(
    metric: Metric, truth: Array, answer: Array, text: str
) -> None:
    with pytest.raises(DataUnusable, match=text):
        judge(spec(1, metric), held_out(truth), gives(answer=answer), gives(answer=answer))


def test_a_model_that_fails_on_the_rows_is_one_clear_error() -> None:
    def fail(inputs: dict[str, Array]) -> dict[str, Array]:
        raise ValueError("Input X contains NaN.")

    with pytest.raises(DataUnusable, match="original model: Input X contains NaN"):
        judge(spec(0), held_out(), fail, wrong_below(0))


def test_an_entry_without_an_accuracy_has_no_gate() -> None:
    with pytest.raises(ValueError, match="no accuracy section"):
        Gate(ModelSpec("model", Path("model.onnx")), held_out(), wrong_below(0))


def test_a_model_to_which_nothing_was_done_is_reported_on_few_rows() -> None:
    """Ten rows are too few to judge by."""
    ten = held_out(PARITY[:10])
    gate = Gate(spec(0.01), ten, wrong_below(1))
    with pytest.raises(AccuracyUncertain):
        gate.judge(wrong_below(1))
    change = gate.report(wrong_below(1))
    assert (change.before, change.after, change.rows, change.judged) == (0.9, 0.9, 10, False)


def test_rows_with_missing_values_are_also_measured_by_themselves() -> None:
    """Every fourth row has no number, and the optimized model is wrong on all of them."""
    rows = np.concatenate([ROWS, np.ones_like(ROWS)], axis=1)
    rows[::4, 1] = np.nan

    def wrong_where_missing(inputs: dict[str, Array]) -> dict[str, Array]:
        x = inputs["x"][:, 0].astype(np.int64)
        return {"label": np.where(np.isnan(inputs["x"][:, 1]), 1 - x % 2, x % 2)}

    held = samples(PARITY, x=rows)
    change = Gate(spec(0.5), held, wrong_below(8)).judge(wrong_where_missing)
    assert change.missing == Missing(COUNT // 4, 1 - 2 / (COUNT // 4), 0.0)
    assert Gate(spec(0.5), held_out(), wrong_below(0)).judge(wrong_below(0)).missing is None


def test_empty_texts_count_as_missing_and_an_undefined_metric_is_none() -> None:
    words = np.array([b"a", b""] * (COUNT // 2), np.object_)
    held = samples(PARITY, x=ROWS, word=words)
    scores = gives(score=np.linspace(0, 1, COUNT, dtype=np.float32))
    change = Gate(spec(0.5, "roc_auc"), held, scores).judge(scores)
    assert change.missing == Missing(COUNT // 2, None, None)  # all of one class
