"""Vectorizers of texts: a processing step counts n-grams, and the graph weights them.

ONNX's tokenizer and lower-casing depend on the machine's locale, and only its simplest tokens are
the same as scikit-learn's.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)

from lading.model_packaging.estimators.calls import transform
from lading.model_packaging.estimators.composition import names_of
from lading.model_packaging.estimators.frame import TEXT, Frame, computed, matrix
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm

STEP = "ngrams"
_MOST_TERMS_NOTED = 24
_ACCENTED = str.maketrans("aeiou", "áèîöů")


@transform.register
def _(estimator: CountVectorizer, graph: GraphBuilder, frame: Frame) -> Frame:
    counts = _counts(estimator, graph, frame)
    found = computed(counts, graph.dtype, [None] * len(estimator.vocabulary_))
    if isinstance(estimator, TfidfVectorizer):
        found = transform(estimator._tfidf, graph, found)
    return Frame(found.blocks, names_of(estimator, [found]), sparse=True)


@transform.register
def _(estimator: TfidfTransformer, graph: GraphBuilder, frame: Frame) -> Frame:
    weights = matrix(graph, frame)
    if estimator.sublinear_tf:
        some = graph.node("Greater", weights, graph.number(0))
        above = graph.node("Where", some, weights, graph.number(1))
        grown = graph.node("Add", graph.node("Log", above), graph.number(1))
        weights = graph.node("Where", some, grown, graph.number(0))
    if estimator.use_idf:
        weights = graph.node("Mul", weights, graph.number(estimator.idf_))
    if estimator.norm is not None:
        reduce = {"l1": "ReduceL1", "l2": "ReduceL2"}[estimator.norm]
        length = graph.node(reduce, weights, axes=[1], keepdims=1)
        none = graph.node("Equal", length, graph.number(0))
        weights = graph.node("Div", weights, graph.node("Where", none, graph.number(1), length))
    return computed(weights, graph.dtype, [None] * frame.width)


@transform.register
def _(estimator: HashingVectorizer, graph: GraphBuilder, frame: Frame) -> Frame:  # noqa: ARG001 always refused
    raise NoOnnxForm("has a HashingVectorizer, which is not supported; train a TfidfVectorizer")


def _counts(estimator: CountVectorizer, graph: GraphBuilder, frame: Frame) -> str:
    """Add the count of each n-gram: [rows, n-grams]."""
    origin = frame.origins[0] if frame.width == 1 else None
    kind = type(estimator).__name__
    if origin is None or frame.blocks[0].dtype != TEXT or origin.fill is not None:
        raise NoOnnxForm(f"has a {kind} that needs one column of texts; set its datatype to BYTES")
    for option, plain in (("tokenizer", None), ("preprocessor", None), ("input", "content")):
        if getattr(estimator, option) != plain:
            raise NoOnnxForm(f"has a {kind} with a custom {option}, which is not supported")
    if callable(estimator.analyzer):
        raise NoOnnxForm(f"has a {kind} with a custom analyzer, which is not supported")
    if callable(estimator.strip_accents):
        raise NoOnnxForm(f"has a {kind} with custom strip_accents, which is not supported")
    terms = sorted(estimator.vocabulary_, key=estimator.vocabulary_.__getitem__)
    note = graph.notes.of(origin.input, origin.column)
    note.texts += _examples(estimator, terms)
    number = len(graph.steps)
    counts, file = f"{origin.input}_ngrams_{number}", f"ngrams-{number}.json"
    options = {
        "step": STEP,
        "text": origin.input,
        "column": origin.column,
        "counts": counts,
        "file": file,
        "analyzer": estimator.analyzer,
        "pattern": estimator.token_pattern,
        "lowercase": bool(estimator.lowercase),
        "accents": estimator.strip_accents,
        "shortest": int(estimator.ngram_range[0]),
        "longest": int(estimator.ngram_range[1]),
        "binary": bool(estimator.binary),
    }
    stop_words = sorted(estimator.get_stop_words() or ())
    content = json.dumps({"terms": terms, "stop_words": stop_words}, ensure_ascii=False).encode()
    graph.steps.append(TextStep(options, file, content, counts, len(terms)))
    return counts if graph.dtype == np.float32 else graph.cast(counts)


@dataclass(frozen=True, slots=True)
class TextStep:
    """A processing step, its file, and the tensor of counts that it returns: [rows, width]."""

    options: dict[str, Any]
    file: str
    content: bytes
    counts: str
    width: int


def _examples(estimator: CountVectorizer, terms: list[str]) -> list[str]:
    """Return texts of terms that the vectorizer knows: alone, in other cases, and combined."""
    spread = terms[:: max(1, len(terms) // _MOST_TERMS_NOTED)][:_MOST_TERMS_NOTED]
    stops = " ".join(sorted(estimator.get_stop_words() or ())[:3])
    found = []
    for term, other in zip(spread, [*spread[1:], spread[0]], strict=True):
        within = term.replace(" ", " a ")
        alone = [term, term.upper(), term.title(), term.translate(_ACCENTED), within]
        pairs = [
            f"{term} {term} {other}",
            f"{term} a {other}",
            f"{term}, {other}!",
            f"{other}-{term}",
        ]
        found += [*alone, *pairs, f"{term} {stops} {other}"]
    return found
