"""TensorFlow: SavedModel folders, Keras files (.keras, .h5, .hdf5) and TFLite.

Names stay as TensorFlow Serving's clients know them: those of the signatures of the SavedModel or
the TFLite file, and of their inputs and outputs. The manifest's `signature` chooses signatures; by
default all of a SavedModel's. A TFLite file has only one: tf2onnx reads its first subgraph. A Keras
file's inputs and outputs have the names of its layers, or the keys of its dicts.

From a base folder of TensorFlow Serving, with numbered SavedModels, the highest is packaged.

Keras on JAX saves the same files. `jax2tf` saves an XLA program inside a SavedModel, which has no
ONNX form.
"""

from dataclasses import replace
from pathlib import Path

from lading.functions.inference.artifact.specification import PREDICT_METHOD
from lading.model_packaging.conversion import Conversion, Converter, tool_versions
from lading.model_packaging.converters.framework_errors import exporting, reading
from lading.model_packaging.converters.tensorflow import keras_files, lite_files, saved_models
from lading.model_packaging.converters.tensorflow.export import convert, finished, reason_of
from lading.model_packaging.errors import ConversionError, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_graph import require_known_operators
from lading.model_packaging.quiet import prepare_tensorflow, quiet
from lading.model_packaging.signatures import choose
from lading.model_packaging.sources.archive import require_harmless
from lading.model_packaging.sources.folder import folder_files
from lading.model_packaging.sources.numbered_folder import SAVED_MODEL, highest_version

_DAMAGED = "is damaged or of another kind than its suffix"


@quiet()
def _convert(spec: ModelSpec) -> Conversion:
    prepare_tensorflow()
    if spec.source.is_dir():
        return _convert_saved_model(_version_of(spec))
    return _convert_lite(spec) if lite_files.is_lite(spec) else _convert_keras(spec)


def _tools(spec: ModelSpec) -> dict[str, str]:
    libraries = ("tensorflow-cpu|tensorflow", "keras", "tf2onnx", "onnx")
    return tool_versions(spec, "tensorflow", *libraries)


def _files(spec: ModelSpec) -> tuple[Path, ...]:
    return folder_files(_version_of(spec)) if spec.source.is_dir() else (spec.source,)


CONVERTER = Converter(
    "tensorflow",
    _convert,
    _tools,
    suffixes=(".keras", ".h5", ".hdf5", ".tflite"),
    contents=(SAVED_MODEL, f"[0-9]*/{SAVED_MODEL}"),
    keys=("class", "signature", "inputs"),
    files=_files,
)


def _version_of(spec: ModelSpec) -> ModelSpec:
    """Return the model; if its source is a base folder, with the highest version's folder."""
    found = highest_version(spec.source)
    return replace(spec, source=found[1]) if found else spec


def _convert_saved_model(spec: ModelSpec) -> Conversion:
    """Convert the chosen signatures; one that equals an earlier one becomes its alias.

    One without an ONNX form is left out, unless it is the default or the manifest names it.
    """
    with reading(spec, _DAMAGED):
        saved = saved_models.read(spec)
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
    """Return the error of a signature, with the names of the others."""
    others = ", ".join(sorted({*known} - {name}))
    if not others:
        return error
    reason = f"has a signature '{name}' that {error.reason}"
    advice = f"name the ones to package: signature: [{others}]"
    return ConversionError(spec.name, f"{reason}; {advice}")


def _convert_keras(spec: ModelSpec) -> Conversion:
    require_harmless(spec)
    if spec.signatures:
        raise ManifestError(spec.place("signature"), "is only for SavedModels; remove it")
    model = keras_files.load(spec)
    with exporting(spec, reason_of):
        signature = keras_files.as_signature(spec, model)
    return convert(spec, signature)


def _convert_lite(spec: ModelSpec) -> Conversion:
    if spec.inputs:
        raise ManifestError(spec.place("inputs"), "has no effect on TFLite files; remove it")
    with reading(spec, _DAMAGED):
        interpreter = lite_files.interpreter_of(spec)
    name, signature, tensors = lite_files.signature_of(spec, interpreter)
    with exporting(
        spec, lambda error: f"{reason_of(error)}; engine: native serves the file as it is"
    ):
        model = lite_files.to_onnx(spec, tensors)
    require_known_operators(spec.name, model)
    return replace(finished(spec, model, signature), signature=name)
