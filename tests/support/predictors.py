"""Predictors that are no ONNX model, as one with a step of its own is none."""

from collections.abc import Sequence

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array


class Echo(Predictor):
    """`y = x`, of one datatype and rank."""

    def __init__(self, name: str, datatype: str, rank: int) -> None:
        x, y = (TensorSpec(each, datatype, (-1,) * rank) for each in "xy")
        self.metadata = ModelMetadata(name, 1, "test", (x,), (y,))

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        return {"y": inputs["x"]}
