"""From a frozen graph of TensorFlow to ONNX, by tf2onnx.

tf2onnx leaves out what it has no word for: checks that raise an error, random numbers, state that
a call changes. Such operators are refused by name.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.tensorflow.difficult_rows import examples, probes
from lading.model_packaging.converters.tensorflow.example_protos import with_features
from lading.model_packaging.converters.tensorflow.frozen import Frozen
from lading.model_packaging.converters.tensorflow.knowledge import known_inputs
from lading.model_packaging.converters.tensorflow.left_out import (
    require_nothing_left_out,
    require_stateless,
    writes,
)
from lading.model_packaging.converters.tensorflow.naming import axis_words, fixing_advice
from lading.model_packaging.converters.tensorflow.operators import handlers
from lading.model_packaging.converters.tensorflow.rows import refuse_negative_rows
from lading.model_packaging.converters.tensorflow.signature import SavedSignature, one_line
from lading.model_packaging.errors import ConversionError, PackagingError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_graph import (
    name_axes,
    rename,
    require_known_operators,
    strip,
    walk,
)

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17
_ML_OPSET = ("ai.onnx.ml", 3)


def convert(spec: ModelSpec, signature: SavedSignature) -> Conversion:
    """What becomes of a signature.

    Raises:
        ConversionError: it has no ONNX form, or one that would leave something out.
    """
    frozen = _frozen(spec, signature)
    require_nothing_left_out(spec, signature, frozen)
    if writes(frozen):
        require_stateless(spec, signature)
    signature, frozen = with_features(spec, signature, frozen)
    _require_shapes(spec, signature)
    if signature.inputs:
        model = attempt(spec, lambda: _to_onnx(frozen))
    else:
        model = attempt(spec, lambda: _constants(signature))
    require_known_operators(spec.name, model)
    return finished(spec, model, signature)


def _frozen(spec: ModelSpec, signature: SavedSignature) -> Frozen:
    """The graph; one that cannot be made for free axes may be made for axes of a size."""
    assert signature.freeze is not None
    try:
        frozen: Frozen = attempt(spec, signature.freeze)
    except ConversionError as error:
        require_stateless(spec, signature)
        advice = fixing_advice(signature.inputs)
        if not advice:
            raise
        raise ConversionError(spec.name, f"{error.reason}; {advice}") from error
    return frozen


def _require_shapes(spec: ModelSpec, signature: SavedSignature) -> None:
    for name, each in signature.inputs.items():
        if each.shape.rank is None:
            advice = f"state it under inputs: {{{name}: {{shape: [batch, ...]}}}}"
            raise ConversionError(spec.name, f"does not tell the shape of '{name}'; {advice}")


def _to_onnx(frozen: Frozen) -> "ModelProto":
    import tf2onnx
    from onnx import helper

    model: ModelProto
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph,
        input_names=list(frozen.inputs.values()),
        output_names=list(frozen.outputs.values()),
        opset=OPSET,
        custom_op_handlers=handlers(frozen.tables),
        extra_opset=[helper.make_opsetid(*_ML_OPSET)],
    )
    used = {"", *(node.domain for node in walk(model.graph.node))}
    kept = [each for each in model.opset_import if each.domain in used]
    model.ClearField("opset_import")
    model.opset_import.extend(kept)
    return model


def _constants(signature: SavedSignature) -> "ModelProto":
    """A model without inputs: its answers, which no state and no chance can change."""
    from onnx import helper, numpy_helper

    nodes, outputs = [], []
    for name, answer in zip(signature.outputs, signature.answer({}), strict=True):
        tensor = numpy_helper.from_array(np.asarray(answer), name)
        nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        shape = list(tensor.dims)
        outputs.append(helper.make_tensor_value_info(name, tensor.data_type, shape))
    graph = helper.make_graph(nodes, "lading", [], outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])


def finished(spec: ModelSpec, model: "ModelProto", signature: SavedSignature) -> Conversion:
    """A converted model with its names, and with what every model gets.

    Raises:
        ConversionError: it has other inputs or outputs than the original.
    """
    inputs, outputs = list(signature.inputs), list(signature.outputs)
    for side, found, wanted in (
        ("inputs", model.graph.input, inputs),
        ("outputs", model.graph.output, outputs),
    ):
        if len(found) != len(wanted):
            reason = f"it has {len(found)} {side} after conversion, {len(wanted)} before"
            raise ConversionError(spec.name, f"has no ONNX form: {reason}")
    rename(model, inputs, outputs)
    name_axes(model, {name: _axes(spec, name, each) for name, each in signature.inputs.items()})
    known = known_inputs(model, unrounded=signature.unrounded)
    refuse_negative_rows(model)
    strip(model)
    return Conversion(
        model.SerializeToString(deterministic=True),
        signature.reference(),
        examples(signature.inputs),
        known=known,
        probes=tuple(probes(signature.inputs, known)),
        domains=signature.domains,
    )


def _axes(spec: ModelSpec, name: str, tensor: Any) -> Mapping[int, str]:
    """Words for the axes of an input, where they are free."""
    return dict(enumerate(axis_words(spec, name, tensor.shape.rank)))


def attempt(spec: ModelSpec, export: Callable[[], Any]) -> Any:
    """What `export` returns.

    Raises:
        ConversionError: it fails; the text says in one line why.
    """
    try:
        return export()
    except PackagingError:
        raise
    except Exception as error:  # exporters raise whatever their code runs into
        text = one_line(error)
        raise ConversionError(spec.name, f"has no ONNX form: {text[:300]}") from error
