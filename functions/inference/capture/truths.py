"""How right an answer was, by the truth that somebody found out later.

The answer to a row is a class or a number. It is the class that the first output of whole numbers,
truth values or texts names, else the place of the largest of several scores, else a single number.
A truth that is an object names the output itself: `{"price": 12.5}`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from lading.functions.contract.errors import InvalidInput, InvalidOutput, MalformedRequest
from lading.functions.contract.names import CAPTURE, METRICS
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.observability.answers import MOST_SCORES
from lading.functions.inference.observability.counted import counted_line
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array, from_json

MOST_ROWS: Final = 10_000
_FLOATS: Final = "f"


class FeedbackScore(NamedTuple):
    """How right the answers to some rows were.

    Args:
        model: the model.
        version: the version that answered.
        rows: how many rows.
        labeled: how many of them were answered with a class; the others with a number.
        correct: how many classes were right.
        error: sum of the absolute errors of the numbers.
        squared: sum of their squares.
    """

    model: str
    version: int
    rows: int
    labeled: int = 0
    correct: int = 0
    error: float = 0.0
    squared: float = 0.0

    def line(self, stage: str) -> str:
        """Return the log line, which is metrics as well."""
        about = {"level": "INFO", "message": "feedback", "service": METRICS.service}
        dimensions = {"model": self.model, "version": str(self.version)}
        if stage:
            dimensions[METRICS.stage] = stage
        return counted_line(about, dimensions, dict(self.counts()))

    def counts(self) -> Iterator[tuple[str, float]]:
        """Yield each metric and what is added to it."""
        yield CAPTURE.rows, self.rows
        if self.labeled:
            yield from ((CAPTURE.labeled, self.labeled), (CAPTURE.correct, self.correct))
        else:
            yield CAPTURE.error, self.error


def score_of(
    answer: tuple[str, int], specs: Sequence[TensorSpec], outputs: Mapping[str, Any], truth: Any
) -> FeedbackScore:
    """Compare an answer with the truth.

    Args:
        answer: the model and the version that answered.
        specs: the outputs of the model's signature.
        outputs: the answer's outputs by name, as JSON has them; some may be missing.
        truth: the truth: a value for each row, or one value for a single row.

    Raises:
        InferenceError: the answer or the truth does not fit the signature.
    """
    named, truth = _named(truth)
    spec, rows = _judged(specs, outputs, named)
    scores = rows.dtype.kind == _FLOATS and rows.shape[1] > 1
    datatype = "INT64" if scores else spec.datatype
    truths = _truths(truth, datatype, len(rows))
    if scores:
        if int(truths.min()) < 0 or int(truths.max()) >= rows.shape[1]:
            raise InvalidInput("truth", f"must be a place from 0 to {rows.shape[1] - 1}")
        return _of_classes(answer, rows.argmax(axis=1), truths)
    if rows.dtype.kind == _FLOATS:
        return _of_numbers(answer, rows[:, 0], truths)
    return _of_classes(answer, rows[:, 0], truths)


def _named(truth: Any) -> tuple[str, Any]:
    """Return the output that a truth names, and the truth itself."""
    if not isinstance(truth, dict):
        return "", truth
    if len(truth) != 1:
        raise MalformedRequest('"truth" must name one output, as {"y": ...}')
    return next(iter(truth.items()))


def _judged(
    specs: Sequence[TensorSpec], outputs: Mapping[str, Any], named: str
) -> tuple[TensorSpec, Array]:
    """Return the output that is compared, and its rows."""
    found: list[tuple[TensorSpec, Array]] = []
    for spec in specs:
        if spec.name in outputs and named in ("", spec.name):
            rows = _rows(spec, outputs[spec.name])
            if 0 < rows.shape[1] <= (MOST_SCORES if rows.dtype.kind == _FLOATS else 1):
                found.append((spec, rows))
    if not found:
        known = ", ".join(spec.name for spec in specs)
        wanted = named or "that is a class or a number"
        raise InvalidOutput(
            named,
            "",
            f"the answer has no output {wanted}; the model has {known}, and capture.fields may "
            "leave some out",
        )
    classes = (each for each in found if each[1].dtype.kind != _FLOATS)
    spec, rows = next(classes, found[0])
    if rows.dtype.kind == _FLOATS and not np.isfinite(rows).all():
        raise InvalidOutput(spec.name, "is not finite, so that no truth can be compared with it")
    return spec, rows


def _rows(spec: TensorSpec, value: Any) -> Array:
    """Return an output as [rows, values]."""
    whole = whole_rows(from_json(value, spec.name, spec.datatype), spec)
    if not 0 < len(whole) <= MOST_ROWS:
        raise InvalidOutput(spec.name, f"must have 1 to {MOST_ROWS} rows")
    return whole.reshape(len(whole), -1)


def whole_rows(array: Array, spec: TensorSpec) -> Array:
    """Return an output with its rows first; one without rows is one row."""
    return array if spec.shape[:1] == (-1,) and array.ndim else array.reshape(1, -1)


def _truths(truth: Any, datatype: str, rows: int) -> Array:
    listed = truth if isinstance(truth, list | np.ndarray) else [truth]
    if len(listed) != rows:
        raise InvalidInput("truth", f"must have {rows} values, one for each row")
    array = from_json(listed, "truth", datatype)
    if array.ndim != 1:
        raise InvalidInput("truth", "must be one value for each row")
    if datatype != BYTES and DTYPES[datatype].kind == _FLOATS and not np.isfinite(array).all():
        raise InvalidInput("truth", "must be finite numbers")
    return array


def _of_classes(answer: tuple[str, int], classes: Array, truths: Array) -> FeedbackScore:
    right = int(np.count_nonzero(classes == truths))
    return FeedbackScore(*answer, len(truths), len(truths), right)


def _of_numbers(answer: tuple[str, int], numbers: Array, truths: Array) -> FeedbackScore:
    errors = np.abs(numbers.astype(np.float64) - truths.astype(np.float64))
    squared = float((errors * errors).sum())
    return FeedbackScore(*answer, len(truths), error=float(errors.sum()), squared=squared)
