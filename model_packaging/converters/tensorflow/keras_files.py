"""Keras files: the model as a function of tensors, and as Keras itself answers."""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.tensorflow.frozen import Frozen, freeze_function
from lading.model_packaging.converters.tensorflow.keras_domains import lookup_domains
from lading.model_packaging.converters.tensorflow.keras_format import (
    described,
    holds_weights_alone,
    suffix_of,
    version_advice,
)
from lading.model_packaging.converters.tensorflow.naming import distinct, fixing_advice, restated
from lading.model_packaging.converters.tensorflow.signature import SavedSignature, one_line
from lading.model_packaging.errors import ConversionError, SourceUnreadable, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.user_code import load_class

_UNKNOWN = re.compile(r"(?:Could not locate|Unknown) [a-z ]+:? '(?:[^'>]*>)?([^']+)'")
"""How Keras names a class or function that it does not find."""


def load(spec: ModelSpec) -> Any:
    """The Keras model in the source.

    Raises:
        SourceError: it is damaged, of a version that is not read, not trusted, or needs a class.
    """
    import keras

    own = _own_classes(spec)
    with _as_keras_expects(spec.source) as source:
        try:
            return keras.saving.load_model(
                source, custom_objects=own, compile=False, safe_mode=not spec.trust
            )
        except Exception as error:  # a damaged file raises anything
            raise _unreadable(spec, one_line(error)) from error


def _unreadable(spec: ModelSpec, text: str) -> SourceUnreadable | SourceUntrusted:
    """What keeps Keras from reading a file."""
    if "safe_mode" in text or "unsafe" in text:
        return SourceUntrusted(spec.name, spec.source, ["a Lambda layer"])
    details = text.rpartition("Exception encountered: ")[2][:200]
    unknown = _UNKNOWN.search(text)
    own = f"holds '{unknown[1]}', which Keras does not know" if unknown else ""
    hint = f"if it is your own, name it: class: module:{unknown[1]}" if unknown else ""
    made, advice = described(spec.source), version_advice(spec.source)
    if holds_weights_alone(spec.source):
        reason = "holds weights alone; save the whole model: model.save('model.keras')"
    elif advice:
        reason = "; ".join(part for part in (f"is {made}", own, advice, hint or details) if part)
    elif unknown:
        reason = f"{own}; {hint}"
    elif made:
        reason = f"is {made}, and cannot be read: {details}"
    else:
        reason = f"is damaged or of another kind than its name says: {details}"
    return SourceUnreadable(spec.name, spec.source, reason)


def _own_classes(spec: ModelSpec) -> dict[str, Any]:
    """What the module that `class` names has, by name: a model may need several of its classes."""
    if not spec.class_path:
        return {}
    name = spec.class_path.rpartition(":")[2]
    named = load_class(spec)
    module = sys.modules[spec.class_path.partition(":")[0]]
    own = {key: value for key, value in vars(module).items() if callable(value)}
    return {**own, name: named}


@contextmanager
def _as_keras_expects(source: Path) -> Iterator[Path]:
    """The file by a name whose suffix tells its format, which is how Keras chooses its reader."""
    if source.suffix in (".keras", ".h5", ".hdf5"):
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"model{suffix_of(source)}")
        link.symlink_to(source.resolve())
        yield link


def as_signature(spec: ModelSpec, model: Any) -> SavedSignature:
    """A Keras model; names are the keys of its dicts, else those of its layers.

    Raises:
        SourceUnreadable: it does not tell its inputs.
        ConversionError: it takes tensors that are not plain.
        ManifestError: the manifest gives an input another shape.
    """
    import keras
    import tensorflow as tf

    if not getattr(model, "inputs", None):
        reason = "does not tell its inputs; save it with model.export(...) as a SavedModel"
        raise SourceUnreadable(spec.name, spec.source, reason)
    taken, given = _structures(model)
    named = _named_inputs(spec, taken)
    stated = {name: tf.TensorSpec(each.shape, each.dtype) for name, each in named.items()}
    inputs, outputs = restated(spec, stated), distinct(_output_names(model, given), stated)
    _require_repeatable(spec, model, inputs)

    # Keras may use a graph that it made for one length of an axis for other lengths, too, and then
    # answers wrongly (`TimeDistributed` of Keras 3.15); run eagerly it makes none.
    model.run_eagerly = True

    def call(*tensors: Any) -> Sequence[Any]:
        answer = model(keras.tree.pack_sequence_as(taken, list(tensors)), training=False)
        return list(keras.tree.flatten(answer))

    def answer(rows: Mapping[str, Array]) -> Sequence[Any]:
        tensors = [tf.constant(rows[name]) for name in inputs]
        answers = model.predict_on_batch(keras.tree.pack_sequence_as(taken, tensors))
        return list(keras.tree.flatten(answers))

    def freeze() -> Frozen:
        return freeze_function(inputs, outputs, call)

    domains, layers = lookup_domains(_layers(model), named)
    return SavedSignature(inputs, outputs, answer, freeze, True, domains, layers)


def _require_repeatable(spec: ModelSpec, model: Any, inputs: Mapping[str, Any]) -> None:
    """Refuse `TimeDistributed` over an axis of any size, which the graphs of Keras compute wrongly.

    They repeat it over the batch, not over time.

    Raises:
        ConversionError: names the layer, and how to give the axis a size.
    """
    import keras

    advice = fixing_advice(inputs)
    for layer in _layers(model):
        if advice and isinstance(layer, keras.layers.TimeDistributed):
            reason = f"has a layer TimeDistributed ('{layer.name}') over an axis of any size"
            wrong = f"which Keras {keras.__version__} computes wrongly in a graph"
            raise ConversionError(spec.name, f"{reason}, {wrong}; {advice}")


def _layers(model: Any) -> Iterator[Any]:
    """All layers of a model, with those of the models and wrappers inside it."""
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _layers(layer)
        if hasattr(layer, "layer"):
            yield layer.layer
            yield from _layers(layer.layer)


def _structures(model: Any) -> tuple[Any, Any]:
    """The model's inputs and outputs as it takes and returns them: one, a list, a dict, nested."""
    import keras

    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output


def _named_inputs(spec: ModelSpec, taken: Any) -> dict[str, Any]:
    import keras

    named: dict[str, Any] = {}
    for path, tensor in keras.tree.flatten_with_path(taken):
        key = path[-1] if path and isinstance(path[-1], str) else tensor.name
        named[str(key) if key not in named else "_".join(map(str, path))] = tensor
        if getattr(tensor, "sparse", False) or getattr(tensor, "ragged", False):
            kind = "sparse" if tensor.sparse else "ragged"
            reason = f"takes a {kind} input '{key}', which has no ONNX form; give it plain tensors"
            raise ConversionError(spec.name, reason)
    return named


def _output_names(model: Any, given: Any) -> list[str]:
    """Keys of dicts, with those above them; else names of layers, else numbers."""
    import keras

    paths = [path for path, _ in keras.tree.flatten_with_path(given)]
    names = ["_".join(map(str, path)) for path in paths]
    if not any(isinstance(part, str) for path in paths for part in path):
        names = list(getattr(model, "output_names", None) or [model.layers[-1].name])
    if len(set(names)) == len(paths):
        return names
    return [f"output_{index}" for index in range(len(paths))]
