"""How right an answer was."""

from typing import Any

import pytest

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.capture.truths import MOST_ROWS, FeedbackScore, score_of

CLASS = TensorSpec("label", "INT64", (-1,))
WORD = TensorSpec("word", "BYTES", (-1, 1))
FLAG = TensorSpec("flag", "BOOL", (-1,))
SCORES = TensorSpec("scores", "FP32", (-1, 3))
PRICE = TensorSpec("price", "FP64", (-1, 1))
ONE = TensorSpec("one", "FP32", ())


def score(specs: list[TensorSpec], outputs: dict[str, Any], truth: Any) -> FeedbackScore:
    return score_of(("m", 2), specs, outputs, truth)


@pytest.mark.parametrize(
    ("specs", "outputs", "truth", "rows", "correct"),
    [
        ([CLASS], {"label": [3, 4]}, [3, 5], 2, 1),
        ([CLASS], {"label": [3]}, 3, 1, 1),
        ([WORD], {"word": [["cat"], ["dog"]]}, ["cat", "dog"], 2, 2),
        ([FLAG], {"flag": [True, False]}, [True, True], 2, 1),
        ([SCORES], {"scores": [[0.1, 0.7, 0.2]]}, 1, 1, 1),
        ([SCORES], {"scores": [[1, 0, 0]]}, [2], 1, 0),
        ([SCORES, CLASS], {"scores": [[1, 0, 0]], "label": [7]}, 7, 1, 1),
        ([SCORES, CLASS], {"scores": [[1, 0, 0]], "label": [7]}, {"scores": 0}, 1, 1),
        ([SCORES, CLASS], {"scores": [[1, 0, 0]]}, 0, 1, 1),
    ],
)
def test_classes_are_right_or_wrong(
    specs: list[TensorSpec], outputs: dict[str, Any], truth: Any, rows: int, correct: int
) -> None:
    assert score(specs, outputs, truth) == FeedbackScore("m", 2, rows, rows, correct)


@pytest.mark.parametrize(
    ("specs", "outputs", "truth"),
    [([PRICE], {"price": [[10.0], [20.0]]}, [11, 18.0]), ([ONE, PRICE], {"one": 1.5}, 1)],
)
def test_numbers_have_errors(specs: list[TensorSpec], outputs: dict[str, Any], truth: Any) -> None:
    found = score(specs, outputs, truth)
    expected = (2, 3.0, 5.0) if "price" in outputs else (1, 0.5, 0.25)
    assert (found.rows, found.error, found.squared) == expected
    assert found.labeled == 0


@pytest.mark.parametrize(
    ("specs", "outputs", "truth", "reason"),
    [
        ([CLASS], {"label": [3, 4]}, [3], "must have 2 values"),
        ([CLASS], {"label": [3, 4]}, 3, "must have 2 values"),
        ([CLASS], {"label": [3]}, "3", "must be numbers"),
        ([CLASS], {"label": [3]}, 3.5, "whole numbers"),
        ([CLASS], {"label": [3]}, [[3]], "one value for each row"),
        ([CLASS], {"label": [3]}, None, "must be numbers"),
        ([CLASS], {"label": [3]}, {"other": 3}, "has no output other"),
        ([CLASS], {"label": [3]}, {"a": 1, "b": 2}, "must name one output"),
        ([CLASS], {}, 3, "the model has label"),
        ([CLASS], {"label": []}, [], "must have 1 to"),
        ([CLASS], {"label": [0] * (MOST_ROWS + 1)}, 3, "must have 1 to"),
        ([CLASS], {"label": "no"}, 3, "must be numbers"),
        ([SCORES], {"scores": [[0.1, 0.7, 0.2]]}, 3, "from 0 to 2"),
        ([SCORES], {"scores": [[0.1, 0.7, 0.2]]}, -1, "from 0 to 2"),
        ([PRICE], {"price": [[None]]}, 1.0, "not finite"),
        ([PRICE], {"price": [[1.0]]}, [None], "finite numbers"),
        ([TensorSpec("many", "INT64", (-1, 3))], {"many": [[1, 2, 3]]}, 1, "class or a number"),
    ],
)
def test_a_truth_that_does_not_fit_is_refused(
    specs: list[TensorSpec], outputs: dict[str, Any], truth: Any, reason: str
) -> None:
    with pytest.raises(InferenceError, match=reason):
        score(specs, outputs, truth)
