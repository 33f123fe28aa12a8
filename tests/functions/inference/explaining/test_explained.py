"""A predictor with explanations: its extra output, its budget, its time limit."""

import json
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput, TimedOut, TooManyEvaluations
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.explaining.explained import ExplainedPredictor, Question
from lading.functions.inference.explaining.recorded import Recorded
from lading.functions.inference.lanes.deadline import NEVER, Deadline
from lading.functions.inference.models.predictor import EXPLANATION, Batching
from lading.functions.inference.tensors.conversion import Array
from tests.support.explained import Computed, of_numbers

COLUMNS = 12


def sines(rows: Array) -> Array:
    """Interactions of all features."""
    return np.asarray(np.sin(rows.cumsum(axis=1))[:, -2:])


def explained(budget: int, wanted: Question | None = None, **changes: Any) -> ExplainedPredictor:
    background = np.random.default_rng(1).normal(size=(10, COLUMNS))
    recorded = Recorded("shapley", "y", budget, background={"x": background})
    model = of_numbers(sines, COLUMNS)
    return ExplainedPredictor(model, recorded._replace(**changes), wanted or Question(NEVER))


def rows(count: int) -> dict[str, Array]:
    return {"x": np.random.default_rng(2).normal(size=(count, COLUMNS))}


def documents(model: ExplainedPredictor, inputs: dict[str, Array]) -> list[Any]:
    return [json.loads(text) for text in model.predict(inputs)[EXPLANATION]]


def test_values_add_up_to_the_prediction() -> None:
    inputs = rows(3)
    answers = sines(inputs["x"])
    for row, told in enumerate(documents(explained(20_000), inputs)):
        total = told["base_value"] + sum(told["values"]["x"])
        assert total == pytest.approx(told["prediction"], abs=1e-9)
        assert told["prediction"] == pytest.approx(answers[row].max())
        assert told["method"] == "shapley_permutation"


def test_the_budget_is_shared_by_the_rows_and_kept() -> None:
    spent = [each["evaluations"] for each in documents(explained(6000), rows(3))]
    assert sum(spent) + 10 <= 6000
    assert min(spent) > 1500
    each = Question(NEVER, each=True)
    assert min(it["evaluations"] for it in documents(explained(6000, each), rows(3))) > 4500


def test_a_budget_that_is_too_small_is_an_error_before_the_model_runs() -> None:
    model = explained(800)
    with pytest.raises(TooManyEvaluations, match="explaining 2 rows of model 'm' needs at least"):
        model.predict(rows(2))
    assert len(documents(model, rows(1))) == 1


def test_all_coalitions_are_used_where_the_budget_allows() -> None:
    few = explained(6000, features=tuple((f"pair {at}", (at, at + 1)) for at in range(0, 12, 2)))
    (told,) = documents(few, rows(1))
    assert (told["method"], told["evaluations"]) == ("shapley_exact", 1 + 62 * 10)
    assert "pairs" not in told
    values = told["values"]["x"]
    assert values[1::2] == [None] * 6
    assert told["features"]["pair 2"] == {"value": values[2], "standard_error": 0.0}


def test_a_row_like_the_background_has_values_of_zero() -> None:
    background = {"x": np.ones((2, COLUMNS))}
    (told,) = documents(explained(100, background=background), {"x": np.ones((1, COLUMNS))})
    assert told["values"]["x"] == [0.0] * COLUMNS
    assert told["evaluations"] == 1


def test_no_rows_have_no_explanations() -> None:
    assert documents(explained(1000), rows(0)) == []


def test_the_outputs_are_those_that_are_wanted_in_their_order() -> None:
    model = explained(6000)
    assert [*model.predict(rows(1), [EXPLANATION])] == [EXPLANATION]
    assert [*model.predict(rows(1), [EXPLANATION, "y"])] == [EXPLANATION, "y"]
    assert [*model.predict(rows(1))] == ["y", EXPLANATION]


def test_a_deadline_ends_it() -> None:
    with pytest.raises(TimedOut):
        explained(6000, Question(Deadline(0.0))).predict(rows(1))


def test_requests_to_the_same_lane_are_joined_as_before() -> None:
    class Joined(Computed):
        @property
        def batching(self) -> Batching | None:
            return Batching(7)

    model = Joined(sines, TensorSpec("x", "FP64", (-1, COLUMNS)))
    assert ExplainedPredictor(model, Recorded("shapley", "y", 1), Question(NEVER)).batching == (
        Batching(7)
    )


def test_texts_have_a_budget_too() -> None:
    model = Computed(
        lambda x: np.array([[len(text)] for text in x]), TensorSpec("x", "BYTES", (-1,))
    )
    texts = np.array([b"one two three", b"four five"], np.object_)
    recorded = Recorded("text", "y", 7)
    told = documents(ExplainedPredictor(model, recorded, Question(NEVER)), {"x": texts})
    assert [each["values"]["x"][0]["token"] for each in told] == ["one", "four"]
    assert [each["evaluations"] for each in told] == [4, 3]
    small = recorded._replace(budget=6)
    with pytest.raises(TooManyEvaluations, match="needs at least 7 evaluations, its budget is 6"):
        ExplainedPredictor(model, small, Question(NEVER)).predict({"x": texts})


def test_inputs_of_different_numbers_of_rows_are_refused() -> None:
    specs = (TensorSpec("x", "FP64", (-1, 1)), TensorSpec("z", "FP64", (-1, 1)))
    model = of_numbers(lambda rows: rows, 1)
    model.metadata = model.metadata._replace(inputs=specs)  # a sum that broadcasts z, for instance
    background = {"x": np.eye(2)[:, :1], "z": np.eye(2)[:, :1]}
    recorded = Recorded("shapley", "y", 100, background=background)
    inputs = {"x": np.ones((3, 1)), "z": np.ones((1, 1))}
    with pytest.raises(InvalidInput, match="input 'z' has 1 rows, 'x' has 3"):
        ExplainedPredictor(model, recorded, Question(NEVER)).predict(inputs)


def test_the_budget_is_checked_no_longer_than_the_deadline() -> None:
    checked: list[int] = []

    class Noted(Deadline):
        def passed(self) -> bool:
            checked.append(1)
            return len(checked) > 5

    model = of_numbers(sines, COLUMNS)
    background = {"x": np.ones((2, COLUMNS))}
    recorded = Recorded("shapley", "y", 1 << 20, background=background)
    with pytest.raises(TimedOut):
        ExplainedPredictor(model, recorded, Question(Noted(9e9))).predict(
            {"x": np.ones((40, COLUMNS))}
        )
    assert (len(checked), model.runs) == (6, 1)
