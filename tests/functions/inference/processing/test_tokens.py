import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import TEXT_LENGTHS
from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.processing.step import Step
from tests.functions.inference.processing.worlds import options, texts, tokenizer
from tests.support.frameworks import needs

if TYPE_CHECKING:
    from lading.functions.inference.processing.tokens import TokensStep

pytestmark = needs("processing", "tokenizers")


def step(**changes: object) -> Step:
    return make_step(options(**changes), {"tokenizer.json": tokenizer()})


def reading(content: bytes | None = None, **changes: object) -> "TokensStep":
    from lading.functions.inference.processing.tokens import TokensStep

    return TokensStep(options(**changes), content or tokenizer())


def test_texts_become_ids_padded_to_the_longest_and_cut_where_the_model_ends() -> None:
    found = step().before(texts("A good film", "bads", "", "a a a a a a a"))
    assert found["input_ids"].tolist() == [
        [2, 7, 4, 6, 3, 0],
        [2, 5, 8, 3, 0, 0],
        [2, 3, 0, 0, 0, 0],
        [2, 7, 7, 7, 7, 3],
    ]
    assert found["attention_mask"].sum(axis=1).tolist() == [5, 4, 2, 6]
    assert found[TEXT_LENGTHS].tolist() == [5, 4, 2, 6]
    assert {array.dtype for array in found.values()} == {np.dtype(np.int64)}


def test_only_as_many_columns_as_the_longest_needs_and_accents_are_no_unknowns() -> None:
    found = step().before(texts("naïve"))
    assert found["input_ids"].tolist() == [[2, 9, 3]]


def test_a_text_is_cut_on_the_side_that_is_stated() -> None:
    found = step(truncation="left").before(texts("good bad a a a a film"))
    assert found["input_ids"].tolist() == [[2, 7, 7, 7, 6, 3]]


def test_the_prompt_comes_before_each_text() -> None:
    found = step(prompt="a good ").before(texts("film", ""))
    assert found["input_ids"].tolist() == [[2, 7, 4, 6, 3], [2, 7, 4, 3, 0]]


def test_a_text_without_a_token_is_refused_as_a_row_that_is_all_padding() -> None:
    document = json.loads(tokenizer()) | {"post_processor": None}
    bare = make_step(options(), {"tokenizer.json": json.dumps(document).encode()})
    assert bare.before(texts("a", "film"))["input_ids"].tolist() == [[7], [6]]
    with pytest.raises(InvalidInput, match="has a text without tokens in row 1; send words"):
        bare.before(texts("a", " "))


def test_where_tokens_stand_is_told_when_asked_for() -> None:
    gives = {"ids": "i", "mask": "m", "offsets": "where"}
    found = step(gives=gives).before(texts("a  film"))
    assert found["where"].tolist() == [[[0, 0], [0, 1], [3, 7], [0, 0]]]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [([4, 6, 8], "good films"), ([2, 4, 6, 8, 3, 0, 0], "good films"), ([7], "a")],
)
def test_tokens_are_read_back_as_the_text_that_has_them(tokens: list[int], text: str) -> None:
    reader = reading()
    assert reader.text_of(tokens) == text


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_text_that_is_cut_is_read_back_whole(side: str) -> None:
    reader = reading(truncation=side)
    assert reader.text_of([4, *[7] * 20, 5]) == " ".join(["good", *"a" * 20, "bad"])


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ([4, 10], "has the token 10, which the model's tokenizer does not know"),
        ([8, 4], "has tokens that the model's tokenizer does not produce"),
        ([4, 1], "has tokens that the model's tokenizer does not produce"),
        ([2, 3], "has tokens that the model's tokenizer does not produce"),
    ],
    ids=["unknown", "a part of a word", "an unknown word", "only special ones"],
)
def test_tokens_that_no_text_has_are_refused(tokens: list[int], text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        reading().text_of(tokens)


def test_without_a_decoder_parts_of_words_are_refused_and_words_are_read() -> None:
    reader = reading(tokenizer(decoder=False))
    assert reader.text_of([4, 6]) == "good film"
    with pytest.raises(InvalidInput, match="does not produce for their text"):
        reader.text_of([4, 6, 8])


def test_other_arrays_go_past_it() -> None:
    arrays = {**texts("a"), "weight": np.ones(1)}
    found = step().before(arrays)
    assert set(found) - {TEXT_LENGTHS} == {"input_ids", "attention_mask", "weight"}
    assert step().after(arrays) is arrays


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (texts(), "has 0 texts; send 1 to 256"),
        (texts(*["a"] * 257), "has 257 texts"),
        (
            texts("a" * (1 << 20) + "b"),
            "a text of 1048577 bytes, which exceeds the limit of 1048576",
        ),
        ({"text": np.array([b"\xff"], np.object_)}, "bytes that are not UTF-8"),
    ],
)
def test_what_would_take_too_much_or_is_no_text_is_refused(given: dict, text: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InvalidInput, match=text):
        step().before(given)


def test_a_damaged_tokenizer_or_step_does_not_load() -> None:
    with pytest.raises(ValueError, match=r"cannot read its tokenizer\.json"):
        make_step(options(), {"tokenizer.json": b"{}"})
    with pytest.raises(ValueError, match="a step 'tokens' that cannot be read: KeyError"):
        make_step(options(), {})
