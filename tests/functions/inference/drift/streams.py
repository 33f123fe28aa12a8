"""A model with a baseline, and requests to it."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.drift.bins import NumberBins
from lading.functions.inference.drift.gathering import Gathering
from lading.functions.inference.drift.tally import Answered
from lading.functions.inference.models.prediction import Prediction, note_answer
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.measure.baseline import baseline_stage

ROWS: Final = 1000


class Doubling(Predictor):
    """`y = 2 x`, of three numbers; its baseline is normally distributed."""

    def __init__(self, baseline: bytes | None = None, version: int = 1) -> None:
        x, y = (TensorSpec(each, "FP32", (-1, 3)) for each in "xy")
        self.metadata = ModelMetadata("doubling", version, "test", (x,), (y,))
        rows = {"x": normal(ROWS, seed=1)}
        samples = Samples("doubling", "rows", rows, ROWS, 0)
        made, _ = baseline_stage(samples, self.predict, (y,), real=True, files=False)
        self.baseline = made if baseline is None else baseline

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        return {"y": 2 * inputs["x"]}


def normal(rows: int, seed: int, shift: float = 0.0) -> Any:
    """Rows of three independent normal numbers, the second one shifted."""
    array = np.random.default_rng(seed).normal(size=(rows, 3))
    array[:, 1] += shift
    return array.astype(np.float32)


def answered(model: Predictor, x: Any) -> Answered:
    return Prediction(model, {"x": x}), model.predict({"x": x})


def sent(gathering: Gathering, model: Predictor, rows: Any, size: int = 1) -> None:
    """Note the rows as requests of this size."""
    for start in range(0, len(rows), size):
        note(gathering, answered(model, rows[start : start + size]))


def note(gathering: Gathering, made: Answered) -> None:
    """Note a prediction as the service does: one of several, if there are many."""
    seen = Observation()
    note_answer(made[0], dict(made[1]), seen)
    if seen.answered is not None:
        gathering.note(seen.answered)


def lines_of(gathering: Gathering) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gathering.lines()]


def counted_by_numpy(x: Any, edges: list[list[float]]) -> list[list[int]]:
    """What the bins of a feature must have counted."""
    bins = NumberBins(edges)
    for row in x:
        bins.count(row[np.newaxis])
    return bins.take()
