"""From texts to the counts of their n-grams, exactly as in scikit-learn's vectorizers.

Options: `text`, the input, and `column`, the index in its last axis if it has two axes;
`counts`, the graph's input, FP32 of shape [texts, n-grams]; `file`, a JSON file with `terms`, the
n-grams in their order, and `stop_words`; `analyzer`: word, char or char_wb; `pattern`, the regular
expression of a word; `lowercase`; `accents`, how they are stripped: unicode, ascii or null;
`shortest` and `longest`, how many words or characters an n-gram has; `binary`, whether every count
is 0 or 1.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array

MOST_BYTES = 1 << 20
"""The limit for one text."""
MOST_COUNTS = 1 << 25
"""The limit for all texts of a request together: 128 MB."""

_SPACES = re.compile(r"\s\s+")


def make(options: Mapping[str, Any], files: Mapping[str, bytes]) -> "NgramsStep":
    """Return the step with these options; see the module."""
    return NgramsStep(options, json.loads(files[options["file"]]))


class NgramsStep(Step):
    """The step; see the module."""

    def __init__(self, options: Mapping[str, Any], words: Mapping[str, Any]) -> None:
        self._text, self._column = str(options["text"]), int(options["column"])
        self._counts, self._binary = str(options["counts"]), bool(options["binary"])
        self._places = {str(term): place for place, term in enumerate(words["terms"])}
        self._lowercase, self._accents = bool(options["lowercase"]), _ACCENTS[options["accents"]]
        shortest, longest = int(options["shortest"]), int(options["longest"])
        self._ngrams: Callable[[str], Iterator[str]] = _analyzer(
            options["analyzer"],
            options["pattern"],
            frozenset(words["stop_words"]),
            shortest,
            longest,
        )

    def before(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.before`."""
        texts = arrays[self._text]
        texts = texts if texts.ndim == 1 else texts[:, self._column]
        if len(texts) * len(self._places) > MOST_COUNTS:
            most = MOST_COUNTS // len(self._places)
            raise InvalidInput(
                self._text, f"has {len(texts)} texts; send at most {most} in one request"
            )
        counts = np.zeros((len(texts), len(self._places)), np.float32)
        for row, text in enumerate(texts):
            for ngram in self._ngrams(self._plain(text)):
                place = self._places.get(ngram)
                if place is not None:
                    counts[row, place] += 1
        return {**arrays, self._counts: np.minimum(counts, 1) if self._binary else counts}

    def _plain(self, content: bytes) -> str:
        """Return the text, in lower case and without accents if the options say so."""
        if len(content) > MOST_BYTES:
            reason = f"has a text of {len(content)} bytes, which exceeds the limit of {MOST_BYTES}"
            raise InvalidInput(self._text, reason)
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(self._text, "has bytes that are not UTF-8") from error
        return self._accents(text.lower() if self._lowercase else text)


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def _as_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ASCII", "ignore").decode("ASCII")


_ACCENTS: Mapping[str | None, Callable[[str], str]] = {
    None: lambda text: text,
    "unicode": _without_marks,
    "ascii": _as_ascii,
}


def _analyzer(
    name: str, pattern: str, stop_words: frozenset[str], shortest: int, longest: int
) -> Callable[[str], Iterator[str]]:
    """Return the function that splits a text into n-grams."""
    if name == "word":
        word = re.compile(pattern)
        return lambda text: _word_ngrams(word.findall(text), stop_words, shortest, longest)
    if name == "char":
        return lambda text: _char_ngrams(_SPACES.sub(" ", text), shortest, longest)
    return lambda text: _inner_ngrams(_SPACES.sub(" ", text), shortest, longest)


def _word_ngrams(
    words: list[str], stop_words: frozenset[str], shortest: int, longest: int
) -> Iterator[str]:
    """Sequences of words, joined by spaces."""
    kept = [word for word in words if word not in stop_words]
    for size in range(shortest, min(longest, len(kept)) + 1):
        for start in range(len(kept) - size + 1):
            yield " ".join(kept[start : start + size])


def _char_ngrams(text: str, shortest: int, longest: int) -> Iterator[str]:
    """Sequences of characters."""
    for size in range(shortest, min(longest, len(text)) + 1):
        for start in range(len(text) - size + 1):
            yield text[start : start + size]


def _inner_ngrams(text: str, shortest: int, longest: int) -> Iterator[str]:
    """Sequences of characters within a word padded by spaces; a short word counts once."""
    for word in text.split():
        padded = f" {word} "
        for size in range(shortest, longest + 1):
            yield padded[:size]
            if size >= len(padded):
                break
            for start in range(1, len(padded) - size + 1):
                yield padded[start : start + size]
