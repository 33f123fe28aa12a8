"""Runs of a model on rows that nobody sent: batches, time limits, answers that are no numbers."""

from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import NoRouteMatched, PredictionFailed, TimedOut
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.explaining.evaluating import MOST_ROWS, Evaluator, chunks
from lading.functions.inference.lanes.deadline import NEVER, Deadline
from lading.functions.inference.tensors.conversion import Array
from tests.support.explained import Computed, of_numbers

PAST = Deadline(0.0)


def test_answers_are_doubles_with_a_row_for_each_row() -> None:
    model = of_numbers(lambda rows: rows[:, 0].astype(np.float32), 2)
    evaluator = Evaluator(model, "y", NEVER)
    found = evaluator.answer({"x": np.array([[1.0, 2.0], [3.0, 4.0]])})
    assert (found.tolist(), str(found.dtype)) == ([[1.0], [3.0]], "float64")
    assert evaluator.evaluations == 2


def test_a_fixed_batch_is_filled_up() -> None:
    model = Computed(lambda rows: rows, TensorSpec("x", "FP64", (4, 1)))
    evaluator = Evaluator(model, "y", NEVER)
    assert evaluator.rows_per_run(10**9) == 4
    assert evaluator.answer({"x": np.array([[1.0], [2.0]])}).tolist() == [[1.0], [2.0]]
    assert (model.rows, evaluator.evaluations) == (4, 2)


def test_a_run_has_few_elements() -> None:
    evaluator = Evaluator(of_numbers(lambda rows: rows, 1), "y", NEVER)
    assert [evaluator.rows_per_run(each) for each in (0, 1, 1 << 20, 1 << 30)] == [
        *(MOST_ROWS, MOST_ROWS),
        *(4, 1),
    ]


def test_no_run_begins_after_the_deadline() -> None:
    model = of_numbers(lambda rows: rows, 1)
    with pytest.raises(TimedOut, match=r"model 'm' version 1 did not answer within"):
        Evaluator(model, "y", PAST).answer({"x": np.zeros((1, 1))})
    assert not model.runs


def test_a_pace_says_whether_there_is_time() -> None:
    evaluator = Evaluator(of_numbers(lambda rows: rows, 1), "y", NEVER)
    evaluator.answer({"x": np.zeros((1, 1))})
    assert evaluator.time_for(1 << 60)
    late = Evaluator(of_numbers(lambda rows: rows, 1), "y", PAST)
    assert not late.time_for(1)


def test_an_answer_that_is_not_a_number_has_no_explanation() -> None:
    evaluator = Evaluator(of_numbers(lambda rows: rows * np.nan, 1), "y", NEVER)
    with pytest.raises(PredictionFailed, match="is not a finite number, so it has no explanation"):
        evaluator.answer({"x": np.ones((1, 1))})


@pytest.mark.parametrize("answer", [np.mean, lambda rows: rows[:1], lambda rows: rows.repeat(2)])
def test_an_answer_without_a_row_for_each_row_has_no_explanation(answer: Any) -> None:
    evaluator = Evaluator(of_numbers(answer, 1), "y", NEVER)
    with pytest.raises(PredictionFailed, match=r"'y' has the shape .* for 3 rows"):
        evaluator.answer({"x": np.ones((3, 1))})


def test_a_masked_row_that_no_step_of_a_graph_takes_is_no_row_of_the_caller() -> None:
    def refuse(_rows: Array) -> Array:
        raise NoRouteMatched("root", {"key": 5})

    evaluator = Evaluator(of_numbers(refuse, 1), "y", NEVER)
    with pytest.raises(PredictionFailed, match=r"a masked row has no answer, and .*'key' is 5"):
        evaluator.answer({"x": np.ones((1, 1))})


def test_chunks_cover_all() -> None:
    assert [*chunks(5, 2)] == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert [*chunks(0, 2)] == []
