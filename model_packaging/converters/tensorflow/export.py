"""From a frozen graph of TensorFlow to ONNX, by tf2onnx.

tf2onnx silently omits what ONNX cannot express: checks that raise an error, random numbers, state
that a call changes. Such operators are refused by name.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.framework_errors import exporting, one_line
from lading.model_packaging.converters.tensorflow.difficult_rows import examples, probes
from lading.model_packaging.converters.tensorflow.example_protos import with_features
from lading.model_packaging.converters.tensorflow.frozen import Frozen
from lading.model_packaging.converters.tensorflow.knowledge import known_inputs
from lading.model_packaging.converters.tensorflow.left_out import (
    require_nothing_left_out,
    require_stateless,
    writes,
)
from lading.model_packaging.converters.tensorflow.operators import handlers
from lading.model_packaging.converters.tensorflow.signature import (
    SavedSignature,
    axis_words,
    fixing_advice,
)
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_graph import name_signature, require_known_operators, walk

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OPSET = 17
_ML_OPSET = ("ai.onnx.ml", 3)

_INT64 = 7
"""ONNX's number of the type."""
_NUMBERS = {"Gather": 1, "GatherND": 1, "OneHot": 0}
"""Operators that pick rows by number, and the place of the input with the numbers."""
_OF_EXPORTER = re.compile(r"__\d+$")
"""End of the names of operators that tf2onnx adds, which may count from the end on purpose."""
_BEYOND, _ZERO = "lading_row_beyond_all", "lading_row_zero"


def convert(spec: ModelSpec, signature: SavedSignature) -> Conversion:
    """Return the conversion of a signature.

    Raises:
        ConversionError: it has no ONNX form, or only one that would omit something.
    """
    frozen = _frozen(spec, signature)
    require_nothing_left_out(spec, signature, frozen)
    if writes(frozen):
        require_stateless(spec, signature)
    signature, frozen = with_features(spec, signature, frozen)
    _require_shapes(spec, signature)
    with exporting(spec, reason_of):
        model = _to_onnx(frozen) if signature.inputs else _constants(signature)
    require_known_operators(spec.name, model)
    return finished(spec, model, signature)


def _frozen(spec: ModelSpec, signature: SavedSignature) -> Frozen:
    """Return the graph; the advice for a failure with free axes is to give them a size."""
    assert signature.freeze is not None
    try:
        with exporting(spec, reason_of):
            return signature.freeze()
    except ConversionError as error:
        require_stateless(spec, signature)
        advice = fixing_advice(signature.inputs)
        if not advice:
            raise
        raise ConversionError(spec.name, f"{error.reason}; {advice}") from error


def _require_shapes(spec: ModelSpec, signature: SavedSignature) -> None:
    for name, each in signature.inputs.items():
        if each.shape.rank is None:
            advice = f"state it under inputs: {{{name}: {{shape: [batch, ...]}}}}"
            raise ConversionError(spec.name, f"does not state the shape of '{name}'; {advice}")


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
    """Return a model without inputs as its answers, which are always the same."""
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
    """Return the conversion of a graph, with the names that callers see.

    Raises:
        ConversionError: it has other inputs or outputs than the original.
    """
    axes = {name: _axes(spec, name, each) for name, each in signature.inputs.items()}
    name_signature(spec.name, model, axes, signature.outputs)
    known = known_inputs(model, unrounded=signature.unrounded)
    _refuse_negative_rows(model)
    return Conversion(
        model.SerializeToString(deterministic=True),
        signature.reference(),
        examples(signature.inputs),
        known=known,
        probes=tuple(probes(signature.inputs, known)),
        domains=signature.domains,
    )


def _axes(spec: ModelSpec, name: str, tensor: Any) -> Mapping[int, str]:
    """Return words for the axes of an input."""
    return dict(enumerate(axis_words(spec, name, tensor.shape.rank)))


def _refuse_negative_rows(model: "ModelProto") -> None:
    """Replace each negative number by one beyond all rows, which both runtimes refuse.

    ONNX counts a negative number from the end; TensorFlow refuses it, or makes zeros of it in
    `one_hot`. Only the main graph is changed: in the body of a loop numbers are the loop's own.
    """
    from onnx import helper

    graph = model.graph
    constants = {each.name for each in graph.initializer}
    nodes = [part for node in graph.node for part in _guarded(node, constants)]
    if len(nodes) == len(graph.node):
        return
    graph.ClearField("node")
    graph.node.extend(nodes)
    for name, value in ((_BEYOND, (1 << 63) - 1), (_ZERO, 0)):
        graph.initializer.append(helper.make_tensor(name, _INT64, [], [value]))


def _guarded(node: "NodeProto", constants: set[str]) -> "Iterator[NodeProto]":
    """Yield the node, after those that replace negative numbers if it picks by number."""
    from onnx import helper

    place = _NUMBERS.get(node.op_type)
    of_model = place is not None and not _OF_EXPORTER.search(node.name)
    if place is not None and of_model and node.input[place] not in constants:
        row, below, safe = (f"{node.output[0]}_lading_{part}" for part in ("row", "below", "safe"))
        yield helper.make_node("Cast", [node.input[place]], [row], to=_INT64)
        yield helper.make_node("Less", [row, _ZERO], [below])
        yield helper.make_node("Where", [below, _BEYOND, row], [safe])
        node.input[place] = safe
    yield node


def reason_of(error: Exception) -> str:
    """Return why an exporter of TensorFlow failed."""
    return f"has no ONNX form: {one_line(error)[:300]}"
