"""The only importer of onnxruntime in the service: named arrays in, named arrays out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import NodeArg

from functions.inference.artifact import TensorSpec
from functions.inference.errors import InvalidInput
from functions.inference.predictor import SessionError
from functions.inference.tensors import Array

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_ERRORS_ONLY = 3


def choose_providers(available: Sequence[str]) -> list[str]:
    """What runs a model: CUDA where onnxruntime-gpu is installed, else the processor.

    Whatever CUDA lacks runs on the processor, and so does everything where it finds no GPU, as
    when `CUDA_VISIBLE_DEVICES` is empty.
    """
    return [each for each in _PROVIDERS if each in available]


class OnnxSession:
    """A loaded ONNX model.

    Args:
        model: the serialised model, with its weights inside, or the file of one, which may have
            its weights beside it.
        threads: threads inside one prediction; 0 leaves the choice to onnxruntime.

    Raises:
        SessionError: the bytes are no model that onnxruntime reads.
        ValueError: an input or output is no plain tensor (a sequence, a map, bfloat16).
    """

    extras: tuple[str, ...] = ()

    def __init__(self, model: bytes | Path, threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # A spinning worker burns the CPU share that Lambda meters out.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            providers = choose_providers(ort.get_available_providers())
            self._session = ort.InferenceSession(model, options, providers=providers)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise SessionError(error) from error
        self.inputs = tuple(_tensor_spec(tensor) for tensor in self._session.get_inputs())
        self.outputs = tuple(_tensor_spec(tensor) for tensor in self._session.get_outputs())
        self._axes = {
            tensor.name: [axis if isinstance(axis, str) else None for axis in tensor.shape]
            for tensor in self._session.get_inputs()
        }
        self._strings = {spec.name for spec in self.inputs if spec.datatype == "BYTES"}

    def check_axes(self, inputs: dict[str, Array]) -> None:
        """Check that axes which the model gives one name have one size.

        Raises:
            InvalidInput: they differ; onnxruntime would fail, or stretch the one over the other.
        """
        sizes: dict[str, tuple[str, int]] = {}
        for name, array in inputs.items():
            for axis, size in zip(self._axes[name], array.shape, strict=False):
                other, known = sizes.setdefault(axis, (name, size)) if axis else (name, size)
                if size != known:
                    reason = f"has size {size} along '{axis}', input '{other}' has {known}"
                    raise InvalidInput(name, reason)

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Run the model.

        Args:
            inputs: an array per input, of the input's dtype and a shape that fits it.
            outputs: names of the outputs wanted; all when empty.

        Raises:
            InvalidInput: a BYTES input is no UTF-8, which is all that onnxruntime takes.
            SessionError: onnxruntime gave up.
        """
        names = list(outputs) or [spec.name for spec in self.outputs]
        feeds = {
            name: _to_text(name, array) if name in self._strings else array
            for name, array in inputs.items()
        }
        try:
            results = self._session.run(names, feeds)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise SessionError(error) from error
        return {name: _to_array(value) for name, value in zip(names, results, strict=True)}


def _tensor_spec(tensor: NodeArg) -> TensorSpec:
    if tensor.type not in _DATATYPES:
        raise ValueError(f"'{tensor.name}' is {tensor.type}; only plain tensors are served")
    shape = tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
    return TensorSpec(tensor.name, _DATATYPES[tensor.type], shape)


def _to_text(name: str, array: Array) -> Array:
    """BYTES as onnxruntime takes them: `str` objects."""
    texts = np.empty(array.shape, np.object_)
    try:
        texts.flat[:] = [item.decode() for item in array.flat]
    except UnicodeDecodeError as error:
        raise InvalidInput(name, "holds bytes that are not UTF-8") from error
    return texts


def _to_array(value: Any) -> Array:
    """An output as the service carries it: BYTES are `bytes` objects."""
    array = np.asarray(value)
    if array.dtype.kind not in "OUT":
        return array
    contents = np.empty(array.shape, np.object_)
    contents.flat[:] = [str(item).encode() for item in array.flat]
    return contents
