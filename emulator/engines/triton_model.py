"""What Triton's Python backend runs in place of its onnxruntime backend, which no wheel has.

`engines.triton` puts a copy of this file into each model of a repository, beside `model.onnx`.
It runs in Triton's own environment and imports nothing of ours.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is imported

import onnxruntime
import triton_python_backend_utils as triton

onnxruntime.disable_telemetry_events()


class TritonPythonModel:
    """The name under which the backend looks for a model."""

    def initialize(self, _arguments: dict[str, str]) -> None:
        """Load the model."""
        self._session = onnxruntime.InferenceSession(
            str(Path(__file__).with_name("model.onnx")), providers=["CPUExecutionProvider"]
        )
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._outputs = [each.name for each in self._session.get_outputs()]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        requested = set(request.requested_output_names())  # in no order of its own
        names = [name for name in self._outputs if name in requested]
        feeds = {
            name: _to_text(triton.get_input_tensor_by_name(request, name).as_numpy())
            for name in self._inputs
        }
        try:
            results = self._session.run(names, feeds)
        except Exception as error:  # noqa: BLE001 onnxruntime's exceptions share no base class
            return triton.InferenceResponse(error=triton.TritonError(str(error)))
        pairs = zip(names, results, strict=True)
        return triton.InferenceResponse([triton.Tensor(name, _to_bytes(it)) for name, it in pairs])


def _to_text(array: Any) -> Any:
    """Triton's texts are bytes, onnxruntime's are text."""
    if array.dtype != np.object_:
        return array
    return np.array([each.decode() for each in array.flat], np.object_).reshape(array.shape)


def _to_bytes(array: Any) -> Any:
    if array.dtype != np.object_:
        return array
    return np.array([each.encode() for each in array.flat], np.object_).reshape(array.shape)
