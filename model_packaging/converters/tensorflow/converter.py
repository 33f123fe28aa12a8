"""TensorFlow: SavedModel folders, Keras files (.keras, .h5, .hdf5) and TFLite.

Names stay as TensorFlow Serving's clients know them: those of the SavedModel's or TFLite file's
signatures and of their inputs and outputs. `signature` says which are meant; all of a SavedModel's
when it is not given. Of a TFLite file there can be one: tf2onnx reads its first subgraph only. A
Keras file's inputs and outputs are called as its layers are, or by the keys of its dicts.

Of a base folder of TensorFlow Serving, with numbered SavedModels, the highest is packaged.

Keras on JAX saves the same files. What `jax2tf` saves is a program of XLA's inside a
SavedModel, which has no ONNX form.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from lading.functions.inference.artifact.specification import PREDICT_METHOD
from lading.model_packaging.conversion import Conversion, tool_versions
from lading.model_packaging.converters.tensorflow import keras_files, lite_files, saved_models
from lading.model_packaging.converters.tensorflow.export import attempt, convert, finished
from lading.model_packaging.converters.tensorflow.signature import one_line
from lading.model_packaging.errors import (
    ConversionError,
    ManifestError,
    PackagingError,
    SourceUnreadable,
)
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_graph import require_known_operators
from lading.model_packaging.quiet import quiet
from lading.model_packaging.signatures import choose
from lading.model_packaging.sources.archive import require_harmless
from lading.model_packaging.sources.folder import folder_files
from lading.model_packaging.sources.numbered_folder import SAVED_MODEL, highest_version

_T = TypeVar("_T")


class TensorflowConverter:
    """See `conversion.Converter`."""

    framework = "tensorflow"
    suffixes = (".keras", ".h5", ".hdf5", ".tflite")
    contents = (SAVED_MODEL, f"[0-9]*/{SAVED_MODEL}")
    keys = ("class", "signature", "inputs")

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
            return _convert_lite(spec) if lite_files.is_lite(spec) else _convert_keras(spec)


CONVERTER = TensorflowConverter()


def _version_of(spec: ModelSpec) -> ModelSpec:
    """The model, with the highest version's folder as source where that is a base folder."""
    found = highest_version(spec.source)
    return replace(spec, source=found[1]) if found else spec


def _convert_saved_model(spec: ModelSpec) -> Conversion:
    """Every signature that is meant; one that is another name of an earlier one is its alias.

    One that has no ONNX form is left out, unless it answers unasked or the manifest names it.
    """
    saved = _read(spec, lambda: saved_models.read(spec))
    made: dict[tuple[bytes, str], Conversion] = {}
    aliases: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name in choose(spec, saved.methods):
        try:
            conversion = convert(spec, saved.signature(name))
        except ConversionError as error:
            if not made or name in spec.signatures:
                raise _with_others(spec, name, error, [*saved.methods]) from error
            left_out[name] = error.reason
            continue
        method = saved.methods[name] or PREDICT_METHOD
        named = replace(conversion, signature=name, method=method)
        found = made.setdefault((conversion.onnx, method), named)
        if found.signature != name:
            aliases[name] = found.signature
    first, *others = made.values()
    return replace(first, others=tuple(others), aliases=aliases, left_out=left_out)


def _with_others(
    spec: ModelSpec, name: str, error: ConversionError, known: list[str]
) -> ConversionError:
    """The error of a signature, with the names of the others."""
    others = ", ".join(sorted({*known} - {name}))
    if not others:
        return error
    reason = f"has a signature '{name}' that {error.reason}"
    advice = f"name what to package, of its others: signature: [{others}]"
    return ConversionError(spec.name, f"{reason}; {advice}")


def _convert_keras(spec: ModelSpec) -> Conversion:
    require_harmless(spec)
    if spec.signatures:
        raise ManifestError(spec.place("signature"), "is for SavedModels; a Keras file has none")
    model = keras_files.load(spec)
    return convert(spec, attempt(spec, lambda: keras_files.as_signature(spec, model)))


def _convert_lite(spec: ModelSpec) -> Conversion:
    if spec.inputs:
        raise ManifestError(spec.place("inputs"), "is not for TFLite files; remove it")
    interpreter = _read(spec, lambda: lite_files.interpreter_of(spec))
    name, signature, tensors = lite_files.signature_of(spec, interpreter)
    model = attempt(spec, lambda: lite_files.to_onnx(spec, tensors))
    require_known_operators(spec.name, model)
    return replace(finished(spec, model, signature), signature=name)


def _read(spec: ModelSpec, load: Callable[[], _T]) -> _T:
    try:
        return load()
    except PackagingError:
        raise
    except Exception as error:  # a damaged file raises anything
        reason = f"is damaged or of another kind than its name says: {one_line(error)[:200]}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error
