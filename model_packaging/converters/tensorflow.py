"""TensorFlow: SavedModel folders, Keras files (.keras, .h5) and TFLite.

Of a base folder of TensorFlow Serving, with numbered SavedModels, the highest is packaged.

Names stay as TensorFlow Serving's clients know them: those of the SavedModel's or TFLite file's
signatures and of their inputs and outputs. `signature` says which are meant; all of a SavedModel's
when it is not given. Of a TFLite file there can be one: tf2onnx reads its first subgraph only. A
Keras file's inputs and outputs are called as its layers are, or by the keys of its dicts.

Keras on JAX saves the same files. What `jax2tf` saves is a program of XLA's inside a
SavedModel, which has no ONNX form.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.inference.artifact import PREDICT_METHOD
from functions.inference.tensors import Array
from model_packaging.conversion import Conversion, Model, tool_versions
from model_packaging.errors import (
    ConversionError,
    ManifestError,
    SourceUnreadable,
    SourceUntrusted,
)
from model_packaging.manifest import ModelSpec
from model_packaging.numbered_folder import SAVED_MODEL, highest_version
from model_packaging.onnx_graph import name_axes, rename, require_known_operators, strip
from model_packaging.original import BATCH
from model_packaging.quiet import quiet
from model_packaging.signatures import choose
from model_packaging.source_archive import require_harmless
from model_packaging.source_folder import folder_files
from model_packaging.user_code import load_class

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17

_TOUCHING = frozenset({"EagerPyFunc", "MatchingFiles", "PyFunc", "PyFuncStateless"}) | {
    "ReadFile",
    "WriteFile",
}
"""Operators that run Python or touch files; a SavedModel may run them when it is loaded."""

_XLA = "XlaCallModule"
"""What `jax2tf` makes of a function, whole."""


@dataclass(frozen=True, slots=True)
class _Function:
    """A model as a function: names and `tf.TensorSpec`s of its inputs, names of its outputs.

    `call` takes tensors in the order of `inputs` and gives them in that of `outputs`.
    """

    inputs: Mapping[str, Any]
    outputs: Sequence[str]
    call: Callable[..., Sequence[Any]]


_READ_LITE = "import sys, tensorflow; tensorflow.lite.Interpreter(sys.argv[1]).allocate_tensors()"
"""A program that ends well, or with an error, when the file can be read or refused."""


class TensorflowConverter:
    """See `conversion.Converter`."""

    framework = "tensorflow"
    suffixes = (".keras", ".h5", ".hdf5", ".tflite")
    contents = (SAVED_MODEL, f"[0-9]*/{SAVED_MODEL}")
    keys = ("class", "signature")

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return folder_files(_version_of(spec)) if spec.source.is_dir() else (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        libraries = ("tensorflow-cpu|tensorflow", "keras", "tf2onnx", "onnx")
        return tool_versions(spec, "tensorflow", *libraries)

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        # TensorFlow's C++ writes past Python's logging, and oneDNN's sums vary with the machine.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        with quiet():
            if spec.source.is_dir():
                return _convert_saved_model(_version_of(spec))
            if _is_lite(spec.source):
                return _convert_lite(spec)
            require_harmless(spec)
            return _convert(spec, _keras(spec))


CONVERTER = TensorflowConverter()


def _version_of(spec: ModelSpec) -> ModelSpec:
    """The model, with the highest version's folder as source where that is a base folder."""
    found = highest_version(spec.source)
    return replace(spec, source=found[1]) if found else spec


def _is_lite(source: Path) -> bool:
    """By its content too: with `framework: tensorflow` a file may have any suffix."""
    with source.open("rb") as stream:
        return source.suffix == ".tflite" or stream.read(8)[4:] == b"TFL3"


def _convert_saved_model(spec: ModelSpec) -> Conversion:
    """Every signature that is meant; one that is another name of an earlier one is its alias."""
    import tensorflow as tf

    methods = _read_methods(spec)
    loaded = _read(spec, lambda: tf.saved_model.load(str(spec.source)))
    made: dict[tuple[bytes, str], Conversion] = {}
    aliases: dict[str, str] = {}
    for name in choose(spec, loaded.signatures):
        conversion = _convert_signature(spec, loaded, name)
        method = methods.get(name) or PREDICT_METHOD
        found = made.setdefault(
            (conversion.onnx, method), replace(conversion, signature=name, method=method)
        )
        if found.signature != name:
            aliases[name] = found.signature
    first, *others = made.values()
    return replace(first, others=tuple(others), aliases=aliases)


def _convert_signature(spec: ModelSpec, loaded: Any, name: str) -> Conversion:
    try:
        return _convert(spec, _function_of(loaded, loaded.signatures[name]))
    except ConversionError as error:
        others = ", ".join(sorted({*loaded.signatures} - {name}))
        if not others:
            raise
        reason = f"has a signature '{name}' that {error.reason}"
        advice = f"name what to package, of its others: signature: [{others}]"
        raise ConversionError(spec.name, f"{reason}; {advice}") from error


def _function_of(loaded: Any, signature: Any) -> _Function:
    inputs = dict(sorted(signature.structured_input_signature[1].items()))
    outputs = sorted(signature.structured_outputs)

    def call(*tensors: Any) -> list[Any]:
        assert loaded is not None  # holds the variables, which a signature alone does not
        answers = signature(**dict(zip(inputs, tensors, strict=True)))
        return [answers[name] for name in outputs]

    return _Function(inputs, outputs, call)


def _read_methods(spec: ModelSpec) -> dict[str, str]:
    """Signature -> its method, of a SavedModel that runs no Python and touches no files."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((spec.source / SAVED_MODEL).read_bytes())
    except DecodeError as error:
        raise SourceUnreadable(spec.name, spec.source, f"is no SavedModel: {error}") from error
    graphs = [graph.graph_def for graph in saved.meta_graphs]
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [
        node
        for graph in graphs
        for function in graph.library.function
        for node in function.node_def
    ]
    operators = {node.op for node in nodes}
    if _XLA in operators:
        advice = "export the function with jax2onnx instead, and name that file"
        raise ConversionError(spec.name, f"has no ONNX form: it is JAX's own {_XLA}; {advice}")
    found = sorted(operators & _TOUCHING)
    if found and not spec.trust:
        raise SourceUntrusted(spec.name, spec.source, found)
    signed = [item for graph in saved.meta_graphs for item in graph.signature_def.items()]
    return {name: signature.method_name for name, signature in signed}


def _keras(spec: ModelSpec) -> _Function:
    import keras
    import tensorflow as tf

    if spec.original.signatures:
        raise ManifestError(spec.place("signature"), "is for SavedModels; a Keras file has none")
    own = (
        {spec.original.class_path.rpartition(":")[2]: load_class(spec)} if _has_class(spec) else {}
    )
    with _as_keras_expects(spec.source) as source:
        model = _read(
            spec,
            lambda: keras.saving.load_model(
                source, custom_objects=own, compile=False, safe_mode=not spec.trust
            ),
        )
    given = getattr(model, "inputs", None)
    if not given:
        reason = "does not tell its inputs; save it with model.export(...) as a SavedModel"
        raise SourceUnreadable(spec.name, spec.source, reason)
    inputs = {each.name: tf.TensorSpec(each.shape, each.dtype, name=each.name) for each in given}

    def answer(*tensors: Any) -> Any:
        return model(tensors[0] if len(tensors) == 1 else list(tensors), training=False)

    traced = tf.function(answer, autograph=False).get_concrete_function(*inputs.values())
    outputs = _keras_outputs(model, traced.structured_outputs)
    return _Function(inputs, outputs, lambda *tensors: list(tf.nest.flatten(answer(*tensors))))


@contextmanager
def _as_keras_expects(source: Path) -> Iterator[Path]:
    """The file by a name whose suffix tells its format, which is how Keras chooses its reader."""
    suffix = ".keras" if zipfile.is_zipfile(source) else ".h5"
    if source.suffix in (".keras", ".h5", ".hdf5"):
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"model{suffix}")
        link.symlink_to(source.resolve())
        yield link


def _keras_outputs(model: Any, structure: Any) -> list[str]:
    """Keys of a dict of outputs as `tf.nest` sorts them, else names of layers, else numbers."""
    if isinstance(structure, Mapping):
        return sorted(structure)
    names = list(getattr(model, "output_names", None) or [model.layers[-1].name])
    count = len(model.outputs)
    return names if len(set(names)) == count else [f"output_{index}" for index in range(count)]


def _has_class(spec: ModelSpec) -> bool:
    return bool(spec.original.class_path)


def _convert(spec: ModelSpec, function: _Function) -> Conversion:
    import tensorflow as tf
    import tf2onnx

    signature = tuple(
        tf.TensorSpec(each.shape, each.dtype, name=f"input_{index}")
        for index, each in enumerate(function.inputs.values())
    )
    traced = tf.function(lambda *tensors: tuple(function.call(*tensors)), autograph=False)
    model, _ = _attempt(spec, lambda: tf2onnx.convert.from_function(traced, signature, opset=OPSET))
    return _conversion(spec, model, function)


def _conversion(spec: ModelSpec, model: "ModelProto", function: _Function) -> Conversion:
    require_known_operators(spec.name, model)
    rename(model, list(function.inputs), list(function.outputs))
    axes = {
        name: {axis: f"{name}_{axis}" if axis else BATCH for axis in range(len(each.shape))}
        for name, each in function.inputs.items()
    }
    name_axes(model, axes)
    strip(model)
    return Conversion(model.SerializeToString(deterministic=True), _reference(function))


def _reference(function: _Function) -> Model:
    import tensorflow as tf

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        try:
            tensors = [
                tf.constant(inputs[name], each.dtype) for name, each in function.inputs.items()
            ]
            answers = function.call(*tensors)
        except Exception as error:  # TensorFlow's errors share no base class
            raise ValueError(str(error).strip().partition("\n")[0]) from error
        return {
            name: np.asarray(answer) for name, answer in zip(function.outputs, answers, strict=True)
        }

    return reference


def _convert_lite(spec: ModelSpec) -> Conversion:
    import tensorflow as tf
    import tf2onnx

    _require_readable(spec)
    interpreter = _read(spec, lambda: tf.lite.Interpreter(str(spec.source)))
    name, *more = choose(spec, interpreter.get_signature_list())
    if more and spec.original.signatures:
        reason = "names several; of a TFLite file one is packaged, of its SavedModel all can be"
        raise ManifestError(spec.place("signature"), reason)
    runner = interpreter.get_signature_runner(name)
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    with tempfile.TemporaryDirectory() as folder:
        model, _ = _attempt(
            spec,
            lambda: tf2onnx.convert.from_tflite(
                str(spec.source),
                input_names=[each["name"] for each in inputs.values()],
                output_names=[each["name"] for each in outputs.values()],
                opset=OPSET,
                output_path=f"{folder}/model.onnx",
            ),
        )
    specs = {
        key: tf.TensorSpec(
            [None if size < 0 else size for size in each["shape_signature"]], each["dtype"]
        )
        for key, each in inputs.items()
    }

    def call(*tensors: Any) -> list[Any]:
        answers = runner(**{key: each.numpy() for key, each in zip(inputs, tensors, strict=True)})
        return [answers[key] for key in outputs]

    conversion = _conversion(spec, model, _Function(specs, list(outputs), call))
    return replace(conversion, signature=name)


def _require_readable(spec: ModelSpec) -> None:
    """TensorFlow Lite reads beyond a truncated file and may die of it: let others try first.

    Raises:
        SourceUnreadable: Python's reader, which stays inside, or another process did not get by.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    _read(spec, lambda: flatbuffer_utils.read_model(str(spec.source)))
    command = [sys.executable, "-c", _READ_LITE, str(spec.source)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 our own words
    if done.returncode < 0:
        reason = "is damaged or of another kind than its name says: TensorFlow Lite dies of it"
        raise SourceUnreadable(spec.name, spec.source, reason)


def _read(spec: ModelSpec, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # a damaged file raises anything
        text = " ".join(str(error).split())
        if "safe_mode" in text or "unsafe" in text:
            raise SourceUntrusted(spec.name, spec.source, ["a Lambda layer"]) from error
        if "custom_objects" in text or "Could not locate" in text:
            advice = "holds a class of your own; name it: class: module:Name"
            raise SourceUnreadable(spec.name, spec.source, f"{advice} ({text[:200]})") from error
        reason = f"is damaged or of another kind than its name says: {text[:200]}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error


def _attempt(spec: ModelSpec, export: Callable[[], Any]) -> Any:
    try:
        return export()
    except Exception as error:  # exporters raise whatever their code runs into
        text = " ".join(str(error).split())
        raise ConversionError(spec.name, f"has no ONNX form: {text[:300]}") from error
