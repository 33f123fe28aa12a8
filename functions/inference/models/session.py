"""A loaded ONNX model: named arrays in, named arrays out. Only this module imports onnxruntime."""

import ctypes
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import Answer, Backend, SessionError, keeps_memory
from lading.functions.inference.tensors import bfloat16
from lading.functions.inference.tensors.conversion import BF16, BYTES, Array

ort.disable_telemetry_events()  # in addition to the variable that the package sets

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
    "tensor(bfloat16)": BF16,
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": BYTES,
}

_FAILURES: Final[tuple[type[Exception], ...]] = (
    *(it for it in vars(native).values() if isinstance(it, type) and issubclass(it, Exception)),
    *(RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError),
)
"""What onnxruntime raises: its own exceptions, which share no base class, and those of C++."""

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
SLOW_ON_PROCESSORS = ("SkipLayerNormFusion",)
"""Rewriting of graphs that makes them slower: on processors, onnxruntime's kernel for a sum and its
layer normalization takes longer than its two separate kernels (ADR 43)."""
_ERRORS_ONLY = 3
_SHRINKING = "memory.enable_memory_arena_shrinkage", "cpu:0"
_BFLOAT16 = 16
"""ONNX's number of the element type."""


def choose_providers(available: Sequence[str]) -> list[str]:
    """Return what runs a model: CUDA where onnxruntime-gpu is installed, else the processor.

    What CUDA does not support runs on the processor, and so does everything where there is no GPU,
    for instance when `CUDA_VISIBLE_DEVICES` is empty.
    """
    return [each for each in _PROVIDERS if each in available]


def on_gpu() -> bool:
    """Return whether models may run on a GPU, whose driver does not survive a fork."""
    return len(choose_providers(ort.get_available_providers())) > 1


_ONE_NODE = (
    "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBcFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEBE="
)
"""A model that returns its input, in base64."""


def runs_on_gpu() -> bool:
    """Return whether CUDA runs a model: onnxruntime silently uses the processor where it fails."""
    from base64 import b64decode

    providers = choose_providers(ort.get_available_providers())
    session = ort.InferenceSession(b64decode(_ONE_NODE), providers=providers)
    return _PROVIDERS[0] in session.get_providers()


class OnnxSession(Backend):
    """A loaded ONNX model.

    Args:
        model: the serialized model, with its weights inside, or the file of one, which may have
            its weights beside it.
        threads: threads inside one prediction; 0: one for each processor that this process may use.
        optimized: whether onnxruntime may rewrite the graph to make it faster.

    Raises:
        SessionError: onnxruntime cannot load the model.
        ValueError: an input or output is not a plain tensor (a sequence, a map), or the model has
            text inputs and bfloat16 outputs, which onnxruntime does not support together.
    """

    def __init__(self, model: bytes | Path, threads: int = 0, *, optimized: bool = True) -> None:
        options = ort.SessionOptions()
        if not optimized:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = threads or _threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # A spinning worker uses up the CPU share that Lambda grants.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            providers = choose_providers(ort.get_available_providers())
            on_processor = providers == ["CPUExecutionProvider"]
            self._session = ort.InferenceSession(
                model,
                options,
                providers=providers,
                disabled_optimizers=SLOW_ON_PROCESSORS if on_processor else (),
            )
        except _FAILURES as error:
            raise SessionError(error) from error
        if on_processor:  # onnxruntime keeps the bytes for its fallback from a GPU alone
            self._session._model_bytes = None  # noqa: SLF001 it offers no other way
        self.inputs = tuple(_tensor_spec(tensor) for tensor in self._session.get_inputs())
        self.outputs = tuple(_tensor_spec(tensor) for tensor in self._session.get_outputs())
        self._axes = {
            tensor.name: [axis if isinstance(axis, str) else None for axis in tensor.shape]
            for tensor in self._session.get_inputs()
        }
        self._converted = {
            spec.name: _FEEDS[spec.datatype] for spec in self.inputs if spec.datatype in _FEEDS
        }
        self._bfloats = {spec.name for spec in self.outputs if spec.datatype == BF16}
        self._arrays = {spec.name for spec in self.outputs if _is_array(spec)}
        if self._bfloats and _to_text in self._converted.values():
            raise ValueError(
                "its inputs are text and its outputs bfloat16; onnxruntime does not support both"
            )

    def check_axes(self, inputs: dict[str, Array]) -> None:
        """See `Backend.check_axes`; onnxruntime would fail, or broadcast one to the other."""
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
            outputs: names of the outputs to return; all when empty.

        Raises:
            InvalidInput: a BYTES input is not UTF-8, which onnxruntime requires.
            SessionError: onnxruntime failed.
        """
        names = list(outputs) or [spec.name for spec in self.outputs]
        feeds = {
            name: self._converted[name](name, array) if name in self._converted else array
            for name, array in inputs.items()
        }
        options = None if keeps_memory.get() else _shrinking()
        try:
            if self._bfloats.isdisjoint(names):
                results = self._session.run(names, feeds, options)
            else:
                values = self._session.run_with_ort_values(names, _to_values(feeds), options)
                results = [_from_value(value) for value in values]
        except _FAILURES as error:
            raise SessionError(error) from error
        return {name: _to_array(value) for name, value in zip(names, results, strict=True)}

    def bound(self, outputs: Sequence[str]) -> Answer:
        """Return `run` for these outputs; arrays that need no conversion pass as they are."""
        names = [*outputs]
        if self._converted or not self._arrays.issuperset(names):
            return partial(self.run, outputs=outputs)
        run = self._session.run

        def answer(inputs: dict[str, Array]) -> dict[str, Array]:
            options = None if keeps_memory.get() else _shrinking()
            try:
                results: Sequence[Any] = run(names, inputs, options)
            except _FAILURES as error:
                raise SessionError(error) from error
            return dict(zip(names, results, strict=True))

        return answer


def _is_array(spec: TensorSpec) -> bool:
    """Return whether onnxruntime returns an output as the service represents it."""
    return spec.datatype not in (BYTES, BF16) and bool(spec.shape)


def _shrinking() -> ort.RunOptions:
    """Return options of a run after which onnxruntime keeps no memory for the next one."""
    options = ort.RunOptions()
    options.add_run_config_entry(*_SHRINKING)
    return options


def _threads() -> int:
    """Return the number for onnxruntime, which ignores CPU quotas; 0 lets it choose."""
    from lading.functions.inference.entry.processors import fewer_than_all

    return fewer_than_all()


def _tensor_spec(tensor: native.NodeArg) -> TensorSpec:
    if tensor.type not in _DATATYPES:
        raise ValueError(f"'{tensor.name}' is {tensor.type}; only plain tensors are supported")
    shape = tuple(size if isinstance(size, int) else -1 for size in tensor.shape)
    return TensorSpec(tensor.name, _DATATYPES[tensor.type], shape)


def _to_text(name: str, array: Array) -> Array:
    """BYTES in the form that onnxruntime requires: `str` objects."""
    texts = np.empty(array.shape, np.object_)
    try:
        texts.flat[:] = [item.decode() for item in array.flat]
    except UnicodeDecodeError as error:
        raise InvalidInput(name, "holds bytes that are not UTF-8") from error
    return texts


def _to_bfloats(_name: str, array: Array) -> ort.OrtValue:
    """BF16 in the form that onnxruntime requires, since numpy has no dtype for it."""
    bits = bfloat16.to_bits(bfloat16.rounded(array))
    return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, _BFLOAT16)


_FEEDS = MappingProxyType({BYTES: _to_text, BF16: _to_bfloats})
"""Datatype -> the conversion to what onnxruntime requires, where that is not the array itself."""


def _to_values(feeds: dict[str, Any]) -> dict[str, ort.OrtValue]:
    return {
        name: feed if isinstance(feed, ort.OrtValue) else ort.OrtValue.ortvalue_from_numpy(feed)
        for name, feed in feeds.items()
    }


def _from_value(value: ort.OrtValue) -> Array:
    """Return an output as an array; numpy reads every datatype except BF16."""
    if value.element_type() != _BFLOAT16:
        return np.asarray(value.numpy())
    content = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    return bfloat16.from_bits(np.frombuffer(content, bfloat16.BITS).reshape(value.shape()))


def _to_array(value: Any) -> Array:
    """Return an output as the service represents it: BYTES are `bytes` objects."""
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.dtype.kind not in "OUT":
        return array
    contents = np.empty(array.shape, np.object_)
    contents.flat[:] = [str(item).encode() for item in array.flat]
    return contents
