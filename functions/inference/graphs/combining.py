"""The combination of several models' answers: mean, weighted mean, and vote.

Answers are never changed in place: a model may return what another one still reads.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from lading.functions.inference.tensors.conversion import Array, as_datatype, datatype_of

_NARROW = frozenset({"FP16", "BF16"})
"""Datatypes whose sums are computed in FP32."""
_USUAL = 4
"""Bytes of a float whose sums are computed as they are."""


def mean(answers: Sequence[Array], shares: Sequence[float]) -> Array:  # noqa: ARG001 one signature
    """Return the mean of arrays of floats."""
    first = answers[0]
    if first.dtype.itemsize >= _USUAL and type(first) is np.ndarray:
        total = first
        for each in answers[1:]:
            total = total + each
        return np.asarray(total / len(answers))
    wide = [*map(_wide, answers)]
    return _as_before(sum(wide[1:], wide[0]) / len(answers), first)


def weighted(answers: Sequence[Array], shares: Sequence[float]) -> Array:
    """Return the mean of arrays of floats, weighted by `shares`, which add up to 1."""
    first = answers[0]
    parts = [_wide(each) * share for each, share in zip(answers, shares, strict=True)]
    return _as_before(sum(parts[1:], parts[0]), first)


def vote(answers: Sequence[Array], shares: Sequence[float]) -> Array:
    """Return, for each place, the value with the most votes; of equal ones the earliest.

    Each answer's vote counts as much as its share.
    """
    votes = [
        sum(share * (one == other) for other, share in zip(answers, shares, strict=True))
        for one in answers
    ]
    # Shares are rounded: two of 0.1 and 0.2 must not lose against one of 0.3.
    best = np.argmax(np.round(votes, 9), axis=0)
    return np.asarray(np.take_along_axis(np.stack(answers), best[np.newaxis], 0)[0])


Combine = Callable[[Sequence[Array], Sequence[float]], Array]
"""Makes one array of several of one shape; the shares are those of the steps."""

COMBINE: Mapping[str, Combine] = MappingProxyType(
    {"mean": mean, "weighted": weighted, "vote": vote}
)


def combined(combine: Combine, answers: Sequence[Array], shares: Sequence[float]) -> Array:
    """Return what several models' answers make together; `combine` is one of `COMBINE`.

    Raises:
        ValueError: their shapes differ.
    """
    shape = answers[0].shape
    for each in answers:
        if each.shape != shape:
            both = f"{list(shape)} and {list(each.shape)}"
            raise ValueError(f"cannot combine answers of the shapes {both}")
    return combine(answers, shares)


def _wide(array: Array) -> Array:
    return np.asarray(array, np.float32) if datatype_of(array) in _NARROW else array


def _as_before(result: Array, like: Array) -> Array:
    """Return a result in the datatype of `like`."""
    return as_datatype(np.asarray(result, like.dtype), datatype_of(like))
