"""Occlusion of texts: each token is left out once."""

import tracemalloc

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.explaining.evaluating import Evaluator
from lading.functions.inference.explaining.texts import count_tokens, occlude, tokens_of
from lading.functions.inference.lanes.deadline import NEVER
from lading.functions.inference.tensors.conversion import Array
from tests.support.explained import Computed


def counting(texts: Array) -> Array:
    """How often a text says good, less how often it says bad."""
    return np.array([[text.count(b"good") - 2 * text.count(b"bad")] for text in texts.flat])


def row(text: str) -> Array:
    array = np.empty(1, np.object_)
    array[0] = text.encode()
    return array


def explained(text: str) -> list[tuple[str, int, int, float]]:
    model = Computed(counting, TensorSpec("x", "BYTES", (-1,)))
    found = occlude(row(text), "x", Evaluator(model, "y", NEVER), lambda answer: len(answer) - 1)
    assert model.rows == len(found.tokens) + 1
    return [(each["token"], each["start"], each["end"], each["value"]) for each in found.tokens]


def test_a_token_has_the_value_that_its_absence_takes_away() -> None:
    assert explained("A good, bad day") == [
        ("A", 0, 1, 0.0),
        ("good", 2, 6, 1.0),
        (",", 6, 7, 0.0),
        ("bad", 8, 11, -2.0),
        ("day", 12, 15, 0.0),
    ]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("don't re-read", ["don't", "re-read"]),
        ("東京 tower", ["東", "京", "tower"]),
        ("für 3.5 €", ["für", "3", ".", "5", "€"]),
        ("  ", []),
    ],
)
def test_tokens_are_words_marks_and_characters_without_spaces(text: str, tokens: list[str]) -> None:
    assert [text[start:end] for start, end in tokens_of(text.encode())] == tokens
    assert count_tokens(text.encode()) == len(tokens)


def test_a_text_of_many_tokens_is_run_in_parts() -> None:
    assert len(explained("good " * 200)) == 200


@pytest.mark.parametrize("text", ["", "good"])
def test_a_text_without_two_tokens_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"has a text of {bool(text):d} words"):
        explained(text)


def test_a_long_text_needs_the_memory_of_one_run() -> None:
    text = "a " * 3000
    tracemalloc.start()
    try:
        explained(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 600 * len(text)  # all texts without a token at once take 3,000 times as much
