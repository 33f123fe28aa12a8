"""Counts false alarms of drift, and what shift is found: `make bench-drift`.

Windows of rows without drift are judged, 1,000 for each size of a window, against a baseline of
held-out rows; then one feature of several is shifted. Everything runs through the code that counts,
sums and judges in the service and in the scheduled function.
"""

import json
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from lading.functions.drift.verdict import judge
from lading.functions.drift.windows import Window, sum_lines
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.drift.gathering import Gathering
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.measure.baseline import baseline_stage

FEATURES = 10
BASELINES = (500, 2000)
WINDOWS = (100, 1000, 10_000)
SHIFTS = (0.25, 0.5, 1.0)
SHIFTED = 20
"""Windows for each shift."""


class Rows(Predictor):
    """A model of rows of numbers, whose score is their mean.

    Args:
        rows: held-out rows, from which its baseline is made.
    """

    def __init__(self, rows: Array) -> None:
        x, score = TensorSpec("x", "FP32", (-1, FEATURES)), TensorSpec("score", "FP32", (-1, 1))
        self.metadata = ModelMetadata("rows", 1, "test", (x,), (score,))
        samples = Samples("rows", "rows", {"x": rows}, len(rows), 0)
        self.baseline, _ = baseline_stage(samples, self.predict, (score,), real=True, files=False)

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:  # noqa: ARG002
        """Return the score of each row."""
        return {"score": inputs["x"].mean(axis=1, keepdims=True)}


def rows_of(generator: np.random.Generator, rows: int, shift: float = 0.0) -> Array:
    """Return rows of five normal and five lognormal features; the first one is shifted."""
    made = generator.normal(size=(rows, FEATURES))
    made[:, 5:] = np.exp(made[:, 5:])
    made[:, 0] += shift
    return made.astype(np.float32)


def window_of(model: Rows, rows: Array) -> Window:
    """Return the window of these rows, through the service's line."""
    gathering, inputs = Gathering(), {"x": rows}
    gathering.note((Prediction(model, inputs), model.predict(inputs)))
    (window,) = sum_lines(gathering.lines())
    return window


def drifting(model: Rows, rows: Array) -> list[str]:
    """Return the names of the features that drift."""
    return [each.name for each in judge(window_of(model, rows)) if each.drifts]


def measure(windows: int) -> Iterator[dict[str, float | int]]:
    """Yield a row of the table for each size of baseline and window."""
    for held_out in BASELINES:
        for size in WINDOWS:
            generator = np.random.default_rng([held_out, size])
            alarms = 0
            for number in range(windows):
                if number % 50 == 0:  # alarms depend on the baseline, too
                    model = Rows(rows_of(generator, held_out))
                alarms += bool(drifting(model, rows_of(generator, size)))
            found = {
                f"found, +{shift:g} sd": sum(
                    "x[0]" in drifting(model, rows_of(generator, size, shift))
                    for _ in range(SHIFTED)
                )
                / SHIFTED
                for shift in SHIFTS
            }
            row = {"baseline": held_out, "window": size, "windows": windows, "false alarms": alarms}
            yield {**row, **found}


def main() -> None:
    """Print the table, a JSON line for each row."""
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for row in measure(windows):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
