"""Several predictions in one run of their model.

Those of equal shape beyond their rows are joined, and each gets its own rows of the outputs.
Nothing is padded here: what a padded row answers is known only where a processing step pads it. The
step for tokens does, to the longest text of a run; so that short texts do not pay for long ones,
only texts of about the same length are joined.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np

from lading.functions.inference.models.prediction import (
    Prediction,
    may_be_noted,
    note_answer,
    predict,
)
from lading.functions.inference.models.predictor import Batching, take_runs
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation

Outcome = dict[str, Array] | Exception
"""What a prediction gives: its arrays, or why there are none."""

USUAL_ROWS: Final = 16
"""The usual limit of rows in a run, for which a server may have another."""

_SHORT: Final = 6
"""Texts below 2 to this power, in bytes, count as equally long."""


class Asked(NamedTuple):
    """A prediction, and the record of its request."""

    prediction: Prediction
    observation: Observation


class Ran(NamedTuple):
    """A run of a model.

    Args:
        places: the places of the predictions that shared it.
        outcomes: what it gave each of them.
        seconds: how long it took.
    """

    places: Sequence[int]
    outcomes: Sequence[Outcome]
    seconds: float


def predict_together(
    asked: Sequence[Asked], most_rows: int = USUAL_ROWS, clock: Callable[[], float] = perf_counter
) -> Iterator[Ran]:
    """Predict in as few runs as models and `most_rows` allow; yield after each run.

    Args:
        asked: what is wanted.
        most_rows: rows that may share a run.
        clock: tells the time in seconds.
    """
    if len(asked) == 1:
        started = clock()
        yield Ran((0,), (_alone(asked[0]),), clock() - started)
        return
    for places in runs_of([each.prediction for each in asked], most_rows):
        started = clock()
        outcomes = predict_run([asked[place] for place in places])
        yield Ran(places, outcomes, clock() - started)


def runs_of(predictions: Sequence[Prediction], most_rows: int = USUAL_ROWS) -> Iterator[list[int]]:
    """Yield the places of the predictions that share a run, in the order of the first of each.

    A run has at most the rows of its model's `Batching`, and at most `most_rows`.
    """
    if len(predictions) == 1:
        yield [0]
        return
    runs: list[list[int]] = []
    filling: dict[Hashable, tuple[list[int], int]] = {}
    for place, prediction in enumerate(predictions):
        rows = rows_of(prediction, most_rows)
        key = _key_of(prediction) if rows else place
        run, left = filling.get(key, ([], 0))
        if rows > left:
            run, left = [], min(_batching(prediction).most_rows, most_rows)
            runs.append(run)
        elif not rows:
            runs.append(run)
        run.append(place)
        filling[key] = run, left - rows
    yield from runs


def predict_run(asked: Sequence[Asked]) -> list[Outcome]:
    """Run a model once for predictions that may share a run; if that fails, each runs alone."""
    if len(asked) == 1:
        return [_alone(asked[0])]
    started, joint = perf_counter(), Observation()
    with Boundary(joint):
        outputs = _joined([each.prediction for each in asked]).compute()
        rows = [_rows(each.prediction) for each in asked]
        answers = [*_split(outputs, rows)]
        ended, runs = perf_counter(), take_runs()
        noted = may_be_noted(asked[0].prediction.predictor, len(asked))
        outcomes: list[Outcome] = []
        for each, outputs in zip(asked, answers, strict=True):
            each.observation.rows, each.observation.nodes = sum(rows), runs
            each.observation.compute_started, each.observation.compute_ended = started, ended
            if noted:
                note_answer(each.prediction, outputs, each.observation)
            outcomes.append(outputs)
        return outcomes
    return [_alone(each) for each in asked]


def rows_of(prediction: Prediction, most_rows: int = USUAL_ROWS) -> int:
    """Return the rows of a prediction that may share a run; 0 for one that runs alone."""
    batching = prediction.predictor.batching
    if batching is None or prediction.attributes or not prediction.inputs:
        return 0
    if len(prediction.inputs) == 1:
        (array,) = prediction.inputs.values()
        rows = array.shape[0] if array.ndim else 0
    else:
        sizes = {array.shape[0] if array.ndim else 0 for array in prediction.inputs.values()}
        rows = sizes.pop() if len(sizes) == 1 else 0
    return rows if rows < min(batching.most_rows, most_rows) else 0


def _rows(prediction: Prediction) -> int:
    return len(next(iter(prediction.inputs.values())))


def _batching(prediction: Prediction) -> Batching:
    return prediction.predictor.batching or Batching()


def _key_of(prediction: Prediction) -> Hashable:
    """Return what is equal for predictions that may share a run."""
    if len(prediction.inputs) == 1:
        ((name, array),) = prediction.inputs.items()
        length = _length(array) if array.dtype.kind == "O" else 0
        kind = name, array.dtype.char, array.shape[1:], length
        return id(prediction.predictor), tuple(prediction.outputs), kind
    inputs = sorted(prediction.inputs.items())
    shapes = tuple((name, array.dtype.char, array.shape[1:]) for name, array in inputs)
    lengths = tuple(_length(array) for _, array in inputs if array.dtype.kind == "O")
    return id(prediction.predictor), tuple(prediction.outputs), shapes, lengths


def _length(texts: Array) -> int:
    """Return the power of two above the longest text's length."""
    return max(_SHORT, max((len(text) for text in texts.flat), default=0).bit_length())


def _joined(predictions: Sequence[Prediction]) -> Prediction:
    first = predictions[0]
    inputs = {
        name: np.concatenate([each.inputs[name] for each in predictions]) for name in first.inputs
    }
    return first._replace(inputs=inputs)


def _split(outputs: dict[str, Array], rows: Sequence[int]) -> Iterator[dict[str, Array]]:
    """Yield the outputs of each prediction.

    Raises:
        ValueError: an output does not have a row for each row of the inputs.
    """
    total = sum(rows)
    for name, array in outputs.items():
        if array.shape[:1] != (total,):
            raise ValueError(f"output '{name}' has shape {array.shape} for {total} rows")
    start = 0
    for count in rows:
        yield {name: array[start : start + count] for name, array in outputs.items()}
        start += count


def _alone(asked: Asked) -> Outcome:
    with Boundary(asked.observation):
        return predict(asked.prediction, asked.observation)
    error = asked.observation.error
    assert error is not None
    return error
