"""The model that Triton's Python backend runs instead of its onnxruntime backend.

`engines/triton.py` copies this file into each model of a repository, beside `model.onnx`. It runs
in Triton's own environment, and imports nothing of Lading.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reads it when it is imported

import onnxruntime
import triton_python_backend_utils as triton

onnxruntime.disable_telemetry_events()


class TritonPythonModel:
    """The class that the backend looks for by this name."""

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
        requested = set(request.requested_output_names())  # in no defined order
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
    """Decode Triton's texts, which are bytes; onnxruntime's are str."""
    if array.dtype != np.object_:
        return array
    return np.array([each.decode() for each in array.flat], np.object_).reshape(array.shape)


def _to_bytes(array: Any) -> Any:
    if array.dtype != np.object_:
        return array
    return np.array([each.encode() for each in array.flat], np.object_).reshape(array.shape)
