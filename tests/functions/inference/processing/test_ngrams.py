import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array

TEXTS = [
    "red chair", "Blue TABLE", "green-chair", "big  red table!", "café\ttable", "chair's leg",
    "a B table", "x", "red, red\n\nTable", "Straße über", "İstanbul ñandú", "日本語 テスト",
    "naïve façade", "", "  ", "ﬁne ² ½", "e\u0301te\u0301", "🙂 ok 🙂🙂", "a_b c-d 3.14",
]  # fmt: skip


def array(*contents: bytes) -> Array:
    found: Array = np.empty(len(contents), np.object_)
    found[:] = contents
    return found


def step_of(vectorizer: CountVectorizer, **changed: Any) -> Step:
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    words = {"terms": terms, "stop_words": sorted(vectorizer.get_stop_words() or ())}
    shortest, longest = vectorizer.ngram_range
    options = {
        "step": "ngrams",
        "text": "text",
        "column": 0,
        "counts": "counts",
        "file": "ngrams-0.json",
        "analyzer": vectorizer.analyzer,
        "pattern": vectorizer.token_pattern,
        "lowercase": vectorizer.lowercase,
        "accents": vectorizer.strip_accents,
        "shortest": shortest,
        "longest": longest,
        "binary": vectorizer.binary,
        **changed,
    }
    return make_step(options, {"ngrams-0.json": json.dumps(words).encode()})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ngram_range": (1, 3)},
        {"ngram_range": (2, 2)},
        {"lowercase": False},
        {"strip_accents": "unicode"},
        {"strip_accents": "ascii", "lowercase": False},
        {"token_pattern": r"(?u)\b\w+\b"},
        {"token_pattern": r"\S+", "binary": True},
        {"token_pattern": r"(\w)\w*"},
        {"stop_words": "english", "ngram_range": (1, 2)},
        {"stop_words": ["red"]},
        {"analyzer": "char", "ngram_range": (1, 4)},
        {"analyzer": "char", "ngram_range": (3, 3)},
        {"analyzer": "char_wb", "ngram_range": (1, 6)},
        {"analyzer": "char_wb", "ngram_range": (5, 6)},
    ],
    ids=str,
)
def test_texts_are_counted_exactly_as_by_the_vectorizer(options: dict[str, Any]) -> None:
    vectorizer = CountVectorizer(**options).fit(TEXTS)
    wanted = vectorizer.transform(TEXTS).toarray()
    found = step_of(vectorizer).before({"text": array(*(text.encode() for text in TEXTS))})
    assert found["counts"].dtype == np.float32
    assert found["counts"].tolist() == wanted.tolist()
    assert len(Counter(found["counts"].ravel().tolist())) > 1


def test_the_column_of_a_table_is_read_and_the_rest_goes_past() -> None:
    vectorizer = CountVectorizer().fit(["red", "blue"])
    table = np.array([[b"blue", b"red"]], np.object_)
    found = step_of(vectorizer, column=1).before({"text": table, "age": np.ones(1)})
    assert found["counts"].tolist() == [[0.0, 1.0]]
    assert found["age"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "not UTF-8"),
        (b"a" * ((1 << 20) + 1), "1048577 bytes, which exceeds the limit of 1048576"),
    ],
)
def test_a_text_that_cannot_be_read_is_the_callers_error(content: bytes, reason: str) -> None:
    step = step_of(CountVectorizer().fit(["red"]))
    with pytest.raises(InvalidInput, match=reason):
        step.before({"text": array(content)})


def test_more_texts_than_memory_is_meant_for_are_refused_before_any_is_read() -> None:
    step = step_of(
        CountVectorizer(analyzer="char", ngram_range=(1, 3)).fit(
            ["".join(map(chr, range(97, 3097)))]
        )
    )
    texts = np.full(10_000, b"a", np.object_)
    with pytest.raises(InvalidInput, match="has 10000 texts; send at most"):
        step.before({"text": texts})
