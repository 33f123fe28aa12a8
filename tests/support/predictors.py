"""Predictors that are no ONNX model, as one with a step of its own is none."""

from collections.abc import Sequence
from threading import Event
from typing import Any, Final

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import Batching, ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array

PATIENCE: Final = 20
"""Seconds for what happens at once unless something is broken."""


class Echo(Predictor):
    """`y = x`, of one datatype and rank."""

    def __init__(self, name: str, datatype: str, rank: int) -> None:
        x, y = (TensorSpec(each, datatype, (-1,) * rank) for each in "xy")
        self.metadata = ModelMetadata(name, 1, "test", (x,), (y,))

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        return {"y": inputs["x"]}


class Gated(Predictor):
    """A model that adds 1 once its gate is open; it records what its runs got.

    Args:
        name: the model's name.
        batching: whether its requests may share a run.
    """

    def __init__(self, name: str, batching: Batching | None = None) -> None:
        tensors = (TensorSpec("x", "FP32", (-1, 1)),)
        self.metadata = ModelMetadata(name, 1, "test", tensors, tensors)
        self.allowed = batching
        self.gate, self.entered, self.runs = Event(), Event(), list[list[float]]()
        self.gate.set()

    @property
    def batching(self) -> Batching | None:
        return self.allowed

    def predict(self, inputs: dict[str, Array], outputs: Any = ()) -> dict[str, Array]:
        self.runs.append(inputs["x"][:, 0].tolist())
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        if (inputs["x"] < 0).any():
            raise InvalidInput("x", "is negative")
        return {"x": inputs["x"] + 1}

    def asked(self, *values: float) -> Prediction:
        return Prediction(self, {"x": np.array(values, np.float32).reshape(-1, 1)})
