"""Models with explanations: of a function of numpy, and of artifacts without the packaging."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import BACKGROUND, MODEL, TensorSpec
from lading.functions.inference.explaining.recorded import Recorded, write_rows
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array
from tests.support.worlds import FLOAT, onnx_model, write_artifact


class Computed(Predictor):
    """A model of the one input `x` and the output `y`, by a function; it counts its rows and runs.

    Args:
        function: rows to answers.
        spec: the input.
    """

    def __init__(self, function: Callable[[Array], Array], spec: TensorSpec) -> None:
        outputs = (TensorSpec("y", "FP64", (-1, -1)),)
        self.metadata = ModelMetadata("m", 1, "test", (spec,), outputs)
        self._function, self.rows, self.runs = function, 0, 0

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`."""
        self.rows, self.runs = self.rows + len(inputs["x"]), self.runs + 1
        return {"y": self._function(inputs["x"])}


def of_numbers(function: Callable[[Array], Array], columns: int) -> Computed:
    """A model of rows of numbers."""
    return Computed(function, TensorSpec("x", "FP64", (-1, columns)))


def weighing() -> bytes:
    """`y = [x0 + 2 x1 x2, -x0]`, of rows of three numbers."""
    from onnx import helper, numpy_helper

    constants = {
        "first": np.array([0]),
        "second": np.array([1]),
        "third": np.array([2]),
        "two": np.array([2.0], np.float32),
    }
    return onnx_model(
        {"x": (FLOAT, ["batch", 3])},
        {"y": (FLOAT, ["batch", 2])},
        *[
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))
            for name, value in constants.items()
        ],
        *[
            helper.make_node("Gather", ["x", index], [name], axis=1)
            for index, name in (("first", "x0"), ("second", "x1"), ("third", "x2"))
        ],
        helper.make_node("Mul", ["x1", "x2"], ["product"]),
        helper.make_node("Mul", ["product", "two"], ["doubled"]),
        helper.make_node("Add", ["x0", "doubled"], ["sum"]),
        helper.make_node("Neg", ["x0"], ["negative"]),
        helper.make_node("Concat", ["sum", "negative"], ["y"], axis=1),
    )


BACKGROUND_ROWS = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 2.0]], np.float32)
"""The background of `explained_settings`."""


def recorded(**changes: Any) -> Recorded:
    """What packaging would record for `weighing`."""
    usual = Recorded("shapley", "y", 1000, background={"x": BACKGROUND_ROWS})
    return usual._replace(**changes)


def explained_settings(
    root: Path, models: Mapping[str, tuple[bytes, Recorded | None]]
) -> ServingSettings:
    """Write a version of each model below `root`, with what is recorded for its explanations."""
    served = []
    for name, (model, known) in models.items():
        changes: dict[str, Any] = {}
        if known is not None:
            rows = write_rows(known.background)
            files = {MODEL: sha256(model), BACKGROUND: sha256(rows)}
            changes = {"explain": known.to_json(), "files": files}
            folder = root / "models" / name / "1"
            folder.mkdir(parents=True)
            (folder / BACKGROUND).write_bytes(rows)
        digest = write_artifact(root, name, 1, model, **changes)
        served.append(ServedModel(name, {1: digest}, {"stable": 1}))
    return ServingSettings(models=tuple(served), model_root=str(root))
