"""How right the answers of versions were, by the truths that are known: with intervals."""

from collections.abc import Iterable
from math import sqrt
from typing import Any, Final

from lading.functions.evidence.intervals import Interval, share_of
from lading.functions.inference.capture.truths import FeedbackScore

ALPHA: Final = 0.05
_NORMAL: Final = 1.959964
"""The 97.5th percentile of the normal distribution."""


def summed(scores: Iterable[FeedbackScore]) -> list[FeedbackScore]:
    """Return the sum of the scores of each version, by version."""
    versions: dict[tuple[str, int], FeedbackScore] = {}
    for each in scores:
        key = each.model, each.version
        versions[key] = _together(versions[key], each) if key in versions else each
    return [versions[key] for key in sorted(versions)]


def _together(one: FeedbackScore, other: FeedbackScore) -> FeedbackScore:
    return one._replace(
        rows=one.rows + other.rows,
        labeled=one.labeled + other.labeled,
        correct=one.correct + other.correct,
        error=one.error + other.error,
        squared=one.squared + other.squared,
    )


def accuracy_of(score: FeedbackScore) -> Interval | None:
    """Return the share of right classes; its interval holds however often one looks."""
    return share_of(score.correct, score.labeled, ALPHA) if score.labeled else None


def error_of(score: FeedbackScore) -> Interval | None:
    """Return the mean absolute error of numbers, with the normal interval of a mean."""
    rows = score.rows - score.labeled
    if not rows:
        return None
    mean = score.error / rows
    spread = sqrt(max(0.0, score.squared / rows - mean * mean) / rows)
    return Interval(max(0.0, mean - _NORMAL * spread), mean, mean + _NORMAL * spread)


def shown(score: FeedbackScore) -> tuple[str, ...]:
    """Return the cells of a table: version, rows, accuracy and error."""
    accuracy, error = accuracy_of(score), error_of(score)
    return (
        str(score.version),
        f"{score.rows:,}",
        "" if accuracy is None else _spread(accuracy, ".2%"),
        "" if error is None else _spread(error, ".4g"),
    )


HEADINGS: Final = ("version", "rows", "accuracy", "mean absolute error")


def document(score: FeedbackScore) -> dict[str, Any]:
    """Return the same for programs."""
    named = {"accuracy": accuracy_of(score), "mean_absolute_error": error_of(score)}
    intervals = {name: it and it._asdict() for name, it in named.items()}
    return {"version": score.version, "rows": score.rows, **intervals}


def _spread(interval: Interval, form: str) -> str:
    low, middle, high = (format(value, form) for value in interval)
    return f"{middle} ({low} to {high})"
