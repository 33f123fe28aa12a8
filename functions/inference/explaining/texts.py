"""Occlusion of texts: how much the answer changes when one token is left out.

A token is a word, a number, a punctuation mark, or a character of a script that does not separate
words. It is the same for every model, whatever its tokenizer makes of the text.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.explaining.evaluating import Evaluator, chunks
from lading.functions.inference.tensors.conversion import Array

_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Thai, Lao, Japanese and Chinese."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:['\u2019-][^\W{_UNSPACED}]+)*|[^\w\s]")
_FEWEST = 2


class OccludedText(NamedTuple):
    """The explanation of one text.

    Args:
        tokens: each with its place in the text and its value.
        answer: the model's answer to the whole text.
        target: the place of the explained value in the output.
    """

    tokens: list[dict[str, Any]]
    answer: float
    target: int


def tokens_of(text: bytes) -> list[tuple[int, int]]:
    """Return where each token of a text begins and ends, in characters."""
    return [found.span() for found in _TOKEN.finditer(text.decode(errors="replace"))]


def count_tokens(text: bytes) -> int:
    """Return how many tokens a text has, without a list of them."""
    return sum(1 for _ in _TOKEN.finditer(text.decode(errors="replace")))


def occlude(
    x: Array, name: str, evaluator: Evaluator, target: Callable[[Array], int]
) -> OccludedText:
    """Return the value of each token of a text.

    Args:
        x: one row of the input, BYTES, which the model has accepted before.
        name: the input.
        evaluator: the model.
        target: chooses a value of the answer.

    Raises:
        InvalidInput: the text has fewer than two tokens.
    """
    content = bytes(x.flat[0])
    spans, text = tokens_of(content), content.decode(errors="replace")
    if len(spans) < _FEWEST:
        reason = f"has a text of {len(spans)} words; an explanation leaves out one of two or more"
        raise InvalidInput(name, reason)
    (answer,) = evaluator.answer({name: x})
    place = target(answer)
    found = np.empty(len(spans))
    for part in chunks(len(spans), min(64, evaluator.rows_per_run(64 * len(content)))):
        rows = np.empty((part.stop - part.start, *x.shape[1:]), np.object_)
        rows.flat[:] = [(text[:start] + text[end:]).encode() for start, end in spans[part]]
        found[part] = evaluator.answer({name: rows})[:, place]
    values = answer[place] - found
    tokens = [
        {"token": text[start:end], "start": start, "end": end, "value": float(value)}
        for (start, end), value in zip(spans, values, strict=True)
    ]
    return OccludedText(tokens, float(answer[place]), place)
