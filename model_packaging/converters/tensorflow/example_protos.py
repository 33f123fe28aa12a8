"""Signatures of serialized `tf.Example`s: their features become inputs.

Clients of TensorFlow Serving's `classify` and `regress` send features by name, which it packs into
such examples. Here the features go into the graph as they are; the original receives examples.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.tensorflow.frozen import Frozen, cut, read_by, whole
from lading.model_packaging.converters.tensorflow.signature import SavedSignature
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec

_FIRST, _SECOND = "ParseExample", "ParseExampleV2"
_KEYS = 2
"""The place of the first input with names of features, in both operators."""
_SPARSE_TENSORS = 3
"""The number of tensors of one sparse feature: indices, values and shape."""


@dataclass(frozen=True, slots=True)
class _Feature:
    """A feature of an example.

    Args:
        name: its key.
        tensors: the parser's outputs for it.
        spec: the `tf.TensorSpec` of its values; None if their number varies.
        required: whether an example must have it.
    """

    name: str
    tensors: Sequence[str]
    spec: Any
    required: bool


def with_features(
    spec: ModelSpec, signature: SavedSignature, frozen: Frozen
) -> tuple[SavedSignature, Frozen]:
    """Return the signature and its graph; if its input is examples, with features as inputs.

    Raises:
        ConversionError: it reads a feature whose number of values varies.
    """
    parser = _parser(signature, frozen)
    if parser is None:
        return signature, frozen
    read = {name for node in frozen.graph.node for name in read_by(node)}
    read |= {whole(name) for name in frozen.outputs.values()}
    features = [
        feature
        for feature in _features(parser, {node.name: node for node in frozen.graph.node})
        if feature.required or not read.isdisjoint(feature.tensors)
    ]
    for feature in features:
        if feature.spec is None:
            reason = f"reads the feature '{feature.name}' of tf.Example, whose length varies"
            raise ConversionError(spec.name, f"{reason}; give it a fixed length")
    [serialized] = signature.inputs
    inputs = {each.name: each.spec for each in features}
    tensors = {each.name: each.tensors[0] for each in features}

    def answer(rows: Mapping[str, Array]) -> Sequence[Any]:
        return signature.answer({serialized: serialize(rows)})

    return SavedSignature(inputs, signature.outputs, answer), cut(
        replace(frozen, inputs=tensors), inputs
    )


def _parser(signature: SavedSignature, frozen: Frozen) -> Any:
    """Return the operator that parses the only input, if no other operator reads it."""
    if [each.dtype.name for each in signature.inputs.values()] != ["string"]:
        return None
    sources, readers = [whole(*frozen.inputs.values())], []
    for source in sources:
        for node in frozen.graph.node:
            if source in read_by(node):
                sources += [f"{node.name}:0"] if node.op == "Identity" else []
                readers += [] if node.op == "Identity" else [node]
    alone = len(readers) == 1 and readers[0].op in (_FIRST, _SECOND)
    return readers[0] if alone else None


def _features(parser: Any, nodes: Mapping[str, Any]) -> Iterator[_Feature]:
    """Yield the features that the parser reads."""
    import tensorflow as tf

    def constant(name: str) -> Array | None:
        node = nodes[whole(name).partition(":")[0]]
        return tf.make_ndarray(node.attr["value"].tensor) if node.op == "Const" else None

    sparse, dense = _keys(parser, constant)
    for index, name in enumerate(sparse):
        places = (index + part * len(sparse) for part in range(_SPARSE_TENSORS))
        yield _Feature(name, [f"{parser.name}:{place}" for place in places], None, required=False)
    inputs = read_by(parser)
    defaults = inputs[len(inputs) - len(dense) :]
    for index, (name, default) in enumerate(zip(dense, defaults, strict=True)):
        place = _SPARSE_TENSORS * len(sparse) + index
        shape = tf.TensorShape(parser.attr["dense_shapes"].list.shape[index])
        kind = tf.as_dtype(parser.attr["Tdense"].list.type[index])
        given = tf.TensorSpec([None, *shape], kind) if shape.is_fully_defined() else None
        value = constant(default)
        required = value is not None and not value.size
        yield _Feature(name, [f"{parser.name}:{place}"], given, required)


def _keys(
    parser: Any, constant: Callable[[str], Array | None]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names of the sparse features, and of the dense ones."""
    inputs, dense = read_by(parser), len(parser.attr["Tdense"].list.type)
    sparse = len(parser.attr["sparse_types"].list.type)
    if parser.op == _SECOND:
        places: Sequence[int] = (_KEYS, _KEYS + 1)
    else:
        places = range(_KEYS, _KEYS + sparse + dense)
    arrays = [constant(inputs[place]) for place in places]
    texts = [text.decode() for array in arrays if array is not None for text in array.flat]
    return texts[:sparse], texts[sparse : sparse + dense]


def serialize(rows: Mapping[str, Array]) -> Array:
    """Return rows as serialized examples: bytes of shape [rows]."""
    import tensorflow as tf

    examples = np.empty(len(next(iter(rows.values()))), np.object_)
    for place in range(len(examples)):
        values = {name: _values(array[place]) for name, array in rows.items()}
        features = tf.train.Features(feature=values)
        examples[place] = tf.train.Example(features=features).SerializeToString()
    return examples


def _values(values: Array) -> Any:
    import tensorflow as tf

    flat = values.reshape(-1).tolist()
    if values.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=flat))
    if values.dtype.kind == "i":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=flat))
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=flat))
