"""BentoML around an ONNX file, as its guide shows."""

import os
from typing import Any

import bentoml
import numpy as np
import onnxruntime as ort


@bentoml.service(workers=1)
class Digits:
    """The file that `MODEL` names, with one thread."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self.session = ort.InferenceSession(os.environ["MODEL"], options, providers=providers)
        self.name = self.session.get_inputs()[0].name

    @bentoml.api
    def predict(self, inputs: list[Any]) -> dict[str, Any]:
        """Run the model on the rows."""
        outputs = self.session.run(None, {self.name: np.array(inputs, np.float32)})
        return {"outputs": [np.asarray(output).tolist() for output in outputs]}
