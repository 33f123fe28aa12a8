"""Keras files: the model as a function of tensors, and as Keras itself answers."""

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import EVERY, Domain
from lading.model_packaging.converters.framework_errors import framework_errors, one_line
from lading.model_packaging.converters.tensorflow.frozen import Frozen, freeze_function
from lading.model_packaging.converters.tensorflow.keras_format import (
    described,
    holds_weights_alone,
    suffix_of,
    version_advice,
)
from lading.model_packaging.converters.tensorflow.signature import (
    SavedSignature,
    distinct,
    fixing_advice,
    restated,
)
from lading.model_packaging.errors import ConversionError, SourceUnreadable, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.user_code import load_class

_UNKNOWN = re.compile(r"(?:Could not locate|Unknown) [a-z ]+:? '(?:[^'>]*>)?([^']+)'")
"""Keras' message about a class or function that it does not find."""


def load(spec: ModelSpec) -> Any:
    """Return the Keras model in the source.

    Raises:
        SourceError: it is damaged, not trusted, needs a class, or Keras cannot read its version.
    """
    import keras

    own = _own_classes(spec)
    with (
        _as_keras_expects(spec.source) as source,
        framework_errors(lambda error: _unreadable(spec, one_line(error))),
    ):
        return keras.saving.load_model(
            source, custom_objects=own, compile=False, safe_mode=not spec.trusts_all
        )


def _unreadable(spec: ModelSpec, text: str) -> SourceUnreadable | SourceUntrusted:
    """Return the error for a file that Keras fails to read."""
    if "safe_mode" in text or "unsafe" in text:
        return SourceUntrusted(spec.name, spec.source, ["a Lambda layer"])
    made, unknown = described(spec.source), _UNKNOWN.search(text)
    details = text.rpartition("Exception encountered: ")[2][:200]
    own = f"contains '{unknown[1]}', which Keras does not know" if unknown else ""
    hint = f"if it is a custom class, name it: class: module:{unknown[1]}" if unknown else ""
    if holds_weights_alone(spec.source):
        reason = "contains only weights; save the whole model: model.save('model.keras')"
    elif made or unknown:
        facts = (made and f"is {made}", own, version_advice(spec.source), hint or details)
        reason = "; ".join(filter(None, facts))
    else:
        reason = f"is damaged or not a Keras file: {details}"
    return SourceUnreadable(spec.name, spec.source, reason)


def _own_classes(spec: ModelSpec) -> dict[str, Any]:
    """Return the contents of the module in `class`: a model may need several of its classes."""
    if not spec.class_path:
        return {}
    name = spec.class_path.rpartition(":")[2]
    named = load_class(spec)
    module = sys.modules[spec.class_path.partition(":")[0]]
    own = {key: value for key, value in vars(module).items() if callable(value)}
    return {**own, name: named}


@contextmanager
def _as_keras_expects(source: Path) -> Iterator[Path]:
    """Yield a path whose suffix is that of the file's format, by which Keras chooses its reader."""
    if source.suffix in (".keras", ".h5", ".hdf5"):
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"model{suffix_of(source)}")
        link.symlink_to(source.resolve())
        yield link


def as_signature(spec: ModelSpec, model: Any) -> SavedSignature:
    """Return a Keras model's signature; names are the keys of its dicts, else those of its layers.

    Raises:
        SourceUnreadable: its inputs are unknown.
        ConversionError: it has sparse or ragged inputs.
        ManifestError: the manifest gives an input another shape.
    """
    import keras
    import tensorflow as tf

    if not getattr(model, "inputs", None):
        reason = "does not state its inputs; save it with model.export(...) as a SavedModel"
        raise SourceUnreadable(spec.name, spec.source, reason)
    structure, returned = _structures(model)
    named = _named_inputs(spec, structure)
    stated = {name: tf.TensorSpec(each.shape, each.dtype) for name, each in named.items()}
    inputs, outputs = restated(spec, stated), distinct(_output_names(model, returned), stated)
    _require_repeatable(spec, model, inputs)

    # Keras may reuse a graph made for one length of an axis for other lengths, which gives wrong
    # answers (`TimeDistributed` in Keras 3.15); in eager mode it makes no graph.
    model.run_eagerly = True

    def call(*tensors: Any) -> Sequence[Any]:
        answer = model(keras.tree.pack_sequence_as(structure, list(tensors)), training=False)
        return list(keras.tree.flatten(answer))

    def answer(rows: Mapping[str, Array]) -> Sequence[Any]:
        tensors = [tf.constant(rows[name]) for name in inputs]
        answers = model.predict_on_batch(keras.tree.pack_sequence_as(structure, tensors))
        return list(keras.tree.flatten(answers))

    def freeze() -> Frozen:
        return freeze_function(inputs, outputs, call)

    domains, layers = _lookup_domains(_layers(model), named)
    return SavedSignature(inputs, outputs, answer, freeze, True, domains, layers)


def _require_repeatable(spec: ModelSpec, model: Any, inputs: Mapping[str, Any]) -> None:
    """Refuse `TimeDistributed` over a free axis: the graphs of Keras repeat it over the batch.

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
    """Yield all layers of a model, with those of the models and wrappers in it."""
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _layers(layer)
        if hasattr(layer, "layer"):
            yield layer.layer
            yield from _layers(layer.layer)


def _structures(model: Any) -> tuple[Any, Any]:
    """Return the structures of the model's inputs and outputs: one, a list, a dict, or nested."""
    import keras

    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output


def _named_inputs(spec: ModelSpec, structure: Any) -> dict[str, Any]:
    import keras

    named: dict[str, Any] = {}
    for path, tensor in keras.tree.flatten_with_path(structure):
        key = path[-1] if path and isinstance(path[-1], str) else tensor.name
        named[str(key) if key not in named else "_".join(map(str, path))] = tensor
        if getattr(tensor, "sparse", False) or getattr(tensor, "ragged", False):
            kind = "sparse" if tensor.sparse else "ragged"
            reason = f"has a {kind} input '{key}', which has no ONNX form; use dense tensors"
            raise ConversionError(spec.name, reason)
    return named


def _output_names(model: Any, given: Any) -> list[str]:
    """Return the keys of dicts, with those above them; else names of layers, else numbers."""
    import keras

    paths = [path for path, _ in keras.tree.flatten_with_path(given)]
    names = ["_".join(map(str, path)) for path in paths]
    if not any(isinstance(part, str) for path in paths for part in path):
        names = list(getattr(model, "output_names", None) or [model.layers[-1].name])
    if len(set(names)) == len(paths):
        return names
    return [f"output_{index}" for index in range(len(paths))]


def _lookup_domains(
    layers: Iterable[Any], inputs: Mapping[str, Any]
) -> tuple[dict[str, Domain], frozenset[str]]:
    """Return the domains of inputs that lookup layers without out-of-vocabulary index read.

    Args:
        layers: the layers of a model.
        inputs: its symbolic inputs, by name.

    Returns:
        The domain of each such input by its name, and the names of the layers.
    """
    import keras

    lookups = (keras.layers.StringLookup, keras.layers.IntegerLookup)
    domains, names = {}, set()
    for layer in layers:
        if not isinstance(layer, lookups) or layer.num_oov_indices or layer.invert:
            continue
        name = _read_by(layer, inputs)
        if name is not None:
            domains[name] = Domain(values={EVERY: _vocabulary(layer)})
            names.add(layer.name)
    return domains, frozenset(names)


def _read_by(layer: Any, inputs: Mapping[str, Any]) -> str | None:
    """Return the input that a layer reads; None if it reads a layer's output, or is shared."""
    try:
        given = layer.input
    except (AttributeError, ValueError):
        return None
    return next((name for name, tensor in inputs.items() if tensor is given), None)


def _vocabulary(layer: Any) -> frozenset[Any]:
    known = layer.get_vocabulary(include_special_tokens=False)
    special = [] if layer.mask_token is None else [layer.mask_token]
    return frozenset(
        each.encode() if isinstance(each, str) else int(each) for each in (*known, *special)
    )
