"""Partial dependence: the mean answer over the background when one feature has one value.

Friedman, "Greedy Function Approximation" (2001). The interval is 1.96 standard errors of that mean.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lading.functions.inference.explaining.columns import Columns
from lading.functions.inference.tensors.conversion import Array, as_datatype, datatype_of
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.measure.accuracy import BATCH

MOST = 3
"""Features whose dependence is measured."""

_POINTS, _CATEGORIES = 15, 8
_TWO = 2
_SCORE = 1.96


def dependences(
    model: Model, output: str, background: Samples, columns: Columns, features: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the partial dependence of the first few features that are single columns.

    Args:
        model: the model to publish.
        output: the output to explain.
        background: rows, as callers send them.
        columns: all features.
        features: names, the most important first.

    Returns:
        For each: `feature`, `output`, `target`, the place of the value in the output, and `points`:
        lists of the value, the mean answer, and both ends of its interval.
    """
    target = _target(_answers(model, output, background))
    found: list[dict[str, Any]] = []
    for name in features:
        place = _only_column(columns, name)
        if place is not None and len(found) < MOST:
            points = [
                [value, *_mean(_answers(model, output, _set(background, *place, value))[:, target])]
                for value in _values(background.inputs, *place)
            ]
            told = {"feature": name, "output": output, "target": target}
            found.append({**told, "points": [[_told(value), *rest] for value, *rest in points]})
    return found


def _only_column(columns: Columns, name: str) -> tuple[str, int] | None:
    feature = list(columns.names).index(name)
    found = [
        (given, int(column))
        for given, places in columns.places.items()
        for column in np.flatnonzero(places == feature)
    ]
    return found[0] if len(found) == 1 else None


def _answers(model: Model, output: str, rows: Samples) -> Array:
    found = [np.asarray(model(request)[output]) for request in rows.requests(BATCH)]
    answers = np.concatenate(found).astype(np.float64)
    return np.asarray(answers.reshape(len(answers), -1))


def _target(answers: Array) -> int:
    """Return the second of two values, as of a positive class, else the one that varies most."""
    return 1 if answers.shape[1] == _TWO else int(answers.std(axis=0).argmax())


def _values(inputs: Request, name: str, column: int) -> list[Any]:
    """Return values from the background: quantiles of numbers, the most common of texts."""
    values = np.asarray(inputs[name]).reshape(len(inputs[name]), -1)[:, column]
    if values.dtype.kind == "O":
        return [value for value, _ in Counter(values.tolist()).most_common(_CATEGORIES)]
    finite = values[np.isfinite(values)]
    if not len(finite):
        return []
    places = np.unique(np.linspace(0, len(finite) - 1, _POINTS).astype(np.int64))
    return list(np.unique(np.sort(finite)[places]).tolist())


def _set(rows: Samples, name: str, column: int, value: Any) -> Samples:
    array = rows.inputs[name]
    flat = np.asarray(array).reshape(len(array), -1).copy()
    flat[:, column] = value
    changed = as_datatype(flat.reshape(array.shape), datatype_of(array))
    return replace(rows, inputs={**rows.inputs, name: changed})


def _mean(answers: Array) -> tuple[float, float, float]:
    mean, error = answers.mean(), answers.std(ddof=1) / np.sqrt(len(answers))
    return float(mean), float(mean - _SCORE * error), float(mean + _SCORE * error)


def _told(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
