"""Makes a graph smaller without changing answers: constants folded, unused nodes removed.

onnxruntime folds constants whenever it loads a model, so that answers and times hardly change. The
gain comes later: quantizing and pruning need weights, and a graph that computes its weights has
none. Only onnxruntime's "basic" rewriting is used, which gives nothing but standard operators (see
docs/adr/0030-simplified-graphs.md).
"""

from typing import TYPE_CHECKING

from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.onnx_graph import operators, walk
from lading.model_packaging.quantization.graphs import restore
from lading.model_packaging.quantization.rewriting import rewritten

if TYPE_CHECKING:
    from onnx import ModelProto

_SMALL_CONSTANT = 1024
"""Bytes of one folded constant, where folding all of them would make the model larger."""


def simplify(model: bytes) -> bytes | None:
    """Simplify a serialized model, its weights inside.

    Returns:
        A model with fewer nodes and not more bytes; None when there is none, or when the model is
        quantized already.
    """
    import onnx

    original = onnx.load_model_from_string(model)
    if operators(original) & {"QuantizeLinear", "DequantizeLinear"}:
        return None
    for limit in (None, _SMALL_CONSTANT):
        try:
            with library_errors():
                simpler = _folded(original, limit)
        except LibraryFailed:
            continue
        if _fits(simpler, original):
            _restore(simpler, original)
            content: bytes = simpler.SerializeToString(deterministic=True)
            if count_nodes(simpler) < count_nodes(original) and len(content) <= len(model):
                return content
    return None


def count_nodes(model: "ModelProto") -> int:
    """Count the nodes that compute something; constants do not."""
    return sum(node.op_type != "Constant" for node in walk(model.graph.node))


def _folded(model: "ModelProto", limit: int | None) -> "ModelProto":
    """Return the model without unused nodes, which onnxruntime keeps, and with constants folded."""
    import onnx_ir
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    used = onnx_ir.to_proto(RemoveUnusedNodesPass()(onnx_ir.from_proto(model)).model)
    key = "optimization.constant_folding_max_output_size_in_bytes"
    return rewritten(used, {} if limit is None else {key: str(limit)})


def _fits(rewritten: "ModelProto", original: "ModelProto") -> bool:
    """Return whether it has the same inputs, and no operators that only one runtime has."""
    domains = [{node.domain for node in walk(each.graph.node)} for each in (rewritten, original)]
    names = [[value.name for value in each.graph.input] for each in (rewritten, original)]
    return domains[0] <= domains[1] and names[0] == names[1]


def _restore(rewritten: "ModelProto", original: "ModelProto") -> None:
    """Restore the original's inputs, outputs and descriptions."""
    restore(rewritten, original)
    rewritten.ClearField("opset_import")
    rewritten.opset_import.extend(original.opset_import)
    rewritten.graph.ClearField("value_info")  # that of folded constants repeats what they hold
    rewritten.ir_version = original.ir_version
