"""SavedModels of TensorFlow 2, whose signatures are functions, and of TensorFlow 1: graphs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.tensorflow.frozen import (
    Frozen,
    cut,
    freeze_function,
    freeze_session,
)
from lading.model_packaging.converters.tensorflow.signature import (
    SavedSignature,
    distinct,
    restated,
)
from lading.model_packaging.errors import ConversionError, SourceUnreadable, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.numbered_folder import SAVED_MODEL

_TOUCHING = frozenset({"EagerPyFunc", "MatchingFiles", "PyFunc", "PyFuncStateless"}) | {
    "ReadFile",
    "WriteFile",
}
"""Operators that run Python or access files; a SavedModel may run them when it is loaded."""

_XLA = "XlaCallModule"
"""The operator that contains a whole function in what `jax2tf` saves."""

_INTERNAL = "__saved_model_"
"""Prefix of names of signatures that are not the model's."""
_SERVE = "serve"


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A SavedModel.

    Args:
        methods: the method of each signature, by the signature's name.
        signature: returns the signature of a name.
    """

    methods: Mapping[str, str]
    signature: Callable[[str], SavedSignature]


def read(spec: ModelSpec) -> SavedModel:
    """Read the SavedModel in the source; a damaged one may raise any exception.

    Raises:
        SourceUnreadable: it is damaged.
        SourceUntrusted: it runs Python or accesses files.
        ConversionError: it has no ONNX form.
    """
    import tensorflow as tf

    graph = _serving_graph(spec)
    _require_harmless(spec, graph)
    methods = {
        name: signature.method_name
        for name, signature in graph.signature_def.items()
        if not name.startswith(_INTERNAL)
    }
    tags = list(graph.meta_info_def.tags)
    if graph.HasField("object_graph_def"):
        loaded = tf.saved_model.load(str(spec.source), tags)
        signatures = {name: methods.get(name, "") for name in loaded.signatures}
        return SavedModel(signatures, lambda name: _of_function(spec, loaded, name))
    session = _open(spec, tags)
    return SavedModel(methods, lambda name: _of_graph(spec, session, graph.signature_def[name]))


def _serving_graph(spec: ModelSpec) -> Any:
    """Return the graph for serving; others may be for training or for a TPU."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((spec.source / SAVED_MODEL).read_bytes())
    except DecodeError as error:
        raise SourceUnreadable(spec.name, spec.source, f"is not a SavedModel: {error}") from error
    graphs = list(saved.meta_graphs)
    for graph in graphs:
        if list(graph.meta_info_def.tags) == [_SERVE] or len(graphs) == 1:
            return graph
    tags = ", ".join(" and ".join(graph.meta_info_def.tags) for graph in graphs) or "none"
    reason = f"has no graph for serving, with the tag '{_SERVE}' alone; it has {tags}"
    raise SourceUnreadable(spec.name, spec.source, reason)


def _require_harmless(spec: ModelSpec, graph: Any) -> None:
    nodes = list(graph.graph_def.node)
    for function in graph.graph_def.library.function:
        nodes += function.node_def
    operators = {node.op for node in nodes}
    if _XLA in operators:
        advice = "export the function with jax2onnx instead, and name that file as source"
        raise ConversionError(
            spec.name, f"has no ONNX form: it is an XLA program ({_XLA}); {advice}"
        )
    found = sorted(operators & _TOUCHING)
    if found and not spec.trusts_all:
        raise SourceUntrusted(spec.name, spec.source, found)


def _of_function(spec: ModelSpec, loaded: Any, name: str) -> SavedSignature:
    import tensorflow as tf

    signature = loaded.signatures[name]
    input_specs = dict(sorted(signature.structured_input_signature[1].items()))
    keys = sorted(signature.structured_outputs)
    inputs, outputs = restated(spec, input_specs), distinct(keys, input_specs)

    def call(*tensors: Any) -> list[Any]:
        assert loaded is not None  # keeps the variables alive, which a signature does not
        answers = signature(**dict(zip(inputs, tensors, strict=True)))
        return [answers[key] for key in keys]

    def answer(rows: Mapping[str, Array]) -> list[Any]:
        return call(*(tf.constant(rows[key], each.dtype) for key, each in inputs.items()))

    return SavedSignature(inputs, outputs, answer, lambda: freeze_function(inputs, outputs, call))


def _open(spec: ModelSpec, tags: Sequence[str]) -> Any:
    """Return a session of TensorFlow 1 with the graph loaded."""
    import tensorflow as tf

    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        tf.compat.v1.saved_model.loader.load(session, tags, str(spec.source))
    return session


def _of_graph(spec: ModelSpec, session: Any, signature: Any) -> SavedSignature:
    import tensorflow as tf

    for key, info in (*signature.inputs.items(), *signature.outputs.items()):
        if not info.name:
            raise ConversionError(spec.name, f"has no ONNX form: '{key}' is not a dense tensor")
    tensors = {
        key: session.graph.get_tensor_by_name(info.name)
        for key, info in sorted(signature.inputs.items())
    }
    keys = sorted(signature.outputs)
    outputs = [signature.outputs[key].name for key in keys]
    stated = {
        key: tf.TensorSpec(_shape(tensor, signature.inputs[key]), tensor.dtype)
        for key, tensor in tensors.items()
    }
    inputs, names = restated(spec, stated), distinct(keys, stated)

    def freeze() -> Frozen:
        input_names = {key: tensor.name for key, tensor in tensors.items()}
        output_names = dict(zip(names, outputs, strict=True))
        return cut(freeze_session(session, input_names, output_names), inputs)

    def answer(rows: Mapping[str, Array]) -> Any:
        return session.run(outputs, {tensors[key]: array for key, array in rows.items()})

    return SavedSignature(inputs, names, answer, freeze)


def _shape(tensor: Any, info: Any) -> Any:
    """Return the graph's shape of an input; the signature's may have no meaning."""
    import tensorflow as tf

    return tensor.shape if tensor.shape.rank is not None else tf.TensorShape(info.tensor_shape)
