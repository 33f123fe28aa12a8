"""Runs a model on rows that nobody sent, in batches, within a budget of rows and a time limit."""

from collections.abc import Iterator, Mapping
from time import monotonic

import numpy as np

from lading.functions.contract.errors import NoRouteMatched, PredictionFailed, TimedOut
from lading.functions.inference.explaining.recorded import rows_of
from lading.functions.inference.lanes.deadline import Deadline
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.tensors.conversion import Array

MOST_ROWS = 2048
MOST_ELEMENTS = 1 << 22
"""The limits of one run of the model: rows, and elements of all inputs."""


class Evaluator:
    """The model as a function from rows to numbers.

    Args:
        predictor: the model.
        output: the output to return.
        deadline: when the explanation must be complete.
    """

    def __init__(self, predictor: Predictor, output: str, deadline: Deadline) -> None:
        self._predictor, self._output, self._deadline = predictor, output, deadline
        self.evaluations = 0
        """Rows that the model has answered."""
        self._started = monotonic()
        first = [spec.shape[0] for spec in predictor.metadata.inputs if spec.shape]
        self._batch = max(first[0], 0) if first else 0
        """Rows that each run must have; 0 is any number."""

    def rows_per_run(self, elements: int) -> int:
        """Return the most rows of one run, if each has this many elements."""
        return self._batch or max(1, min(MOST_ROWS, MOST_ELEMENTS // max(1, elements)))

    def answer(self, inputs: Mapping[str, Array]) -> Array:
        """Return the output of each row, float64 [rows, values].

        Args:
            inputs: the rows of one run, at most `rows_per_run`.

        Raises:
            TimedOut: the time limit has passed.
            PredictionFailed: the model failed, answers something that is not a finite number, has
                no row in its output for each row, or is a graph without a step for a row.
            InvalidInput: the model does not accept a row.
        """
        self.check_time()
        rows = len(next(iter(inputs.values())))
        filled = self._filled(inputs, rows) if self._batch else dict(inputs)
        try:
            found = self._predictor.predict(filled, [self._output])[self._output]
        except NoRouteMatched as error:
            reason = f"a masked row has no answer, and so there is no explanation: {error}"
            raise self._failed(reason) from error
        self.evaluations += rows
        if found.shape[:1] != (self._batch or rows,):
            shape = f"'{self._output}' has the shape {list(found.shape)} for {rows} rows"
            raise self._failed(f"{shape}; an explanation needs a row for each")
        values = np.asarray(found).astype(np.float64).reshape(len(found), -1)[:rows]
        if not np.isfinite(values).all():
            reason = "of the row, or of it masked, is not a finite number, so it has no explanation"
            raise self._failed(f"'{self._output}' {reason}")
        return values

    def check_time(self) -> None:
        """Check that there is time left.

        Raises:
            TimedOut: there is none.
        """
        if self._deadline.passed():
            metadata = self._predictor.metadata
            seconds = round(monotonic() - self._started, 1)
            raise TimedOut(metadata.name, metadata.version, seconds)

    def time_for(self, rows: int) -> bool:
        """Return whether there is time for this many more rows, at the pace so far."""
        taken = monotonic() - self._started
        return rows * taken / max(1, self.evaluations) < self._deadline.left()

    def _failed(self, reason: str) -> PredictionFailed:
        metadata = self._predictor.metadata
        return PredictionFailed(metadata.name, metadata.version, reason)

    def _filled(self, inputs: Mapping[str, Array], rows: int) -> dict[str, Array]:
        """Repeat the last row up to the model's fixed batch."""
        return rows_of(inputs, np.minimum(np.arange(self._batch), rows - 1))


def chunks(total: int, size: int) -> Iterator[slice]:
    """Yield consecutive slices of at most `size`."""
    return (slice(start, min(start + size, total)) for start in range(0, total, size))
