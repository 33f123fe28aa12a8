"""A graph without what it need not compute: constants folded, dead and redundant nodes removed.

onnxruntime folds constants whenever it loads a model, so that answers do not change, and hardly the
time of one. What is gained is what comes after: quantizing and pruning look for weights, and find
none where a graph computes them. Only onnxruntime's "basic" rewriting is done, which gives
nothing but standard operators (see docs/adr/0030-simplified-graphs.md).
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lading.model_packaging.onnx_graph import walk

if TYPE_CHECKING:
    from onnx import ModelProto

_SMALL_CONSTANT = 1024
"""Bytes that one folded constant may have, where folding all of them makes the model larger."""

_FATAL = 4


def simplify(model: bytes) -> bytes | None:
    """Simplify a serialized model, its weights inside.

    Returns:
        The model with fewer nodes and no more bytes; None when there is no such one, or the model
        is quantized already.
    """
    import onnx

    original = onnx.load_model_from_string(model)
    operators = {node.op_type for node in walk(original.graph.node)}
    if operators & {"QuantizeLinear", "DequantizeLinear"}:
        return None
    try:
        needed = _without_dead_nodes(original)
    except Exception:  # noqa: BLE001 it raises what it likes, and the model works as it is
        return None
    for limit in (None, _SMALL_CONSTANT):
        rewritten = _rewritten(needed, limit)
        if rewritten is not None and _fits(rewritten, original):
            _restore(rewritten, original)
            content: bytes = rewritten.SerializeToString(deterministic=True)
            before = (count_nodes(original), len(model))
            after = (count_nodes(rewritten), len(content))
            if after[0] < before[0] and after[1] <= before[1]:
                return content
    return None


def count_nodes(model: "ModelProto") -> int:
    """How many nodes compute something; constants do not."""
    return sum(node.op_type != "Constant" for node in walk(model.graph.node))


def _without_dead_nodes(model: "ModelProto") -> bytes:
    """Only what leads to the outputs, which onnxruntime does not see to."""
    import onnx_ir
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    alive = RemoveUnusedNodesPass()(onnx_ir.from_proto(model)).model
    content: bytes = onnx_ir.to_proto(alive).SerializeToString()
    return content


def _rewritten(model: bytes, limit: int | None) -> "ModelProto | None":
    """What onnxruntime makes of it; None when it cannot save that in one file."""
    import onnx
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    if limit is not None:
        key = "optimization.constant_folding_max_output_size_in_bytes"
        options.add_session_config_entry(key, str(limit))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        options.optimized_model_filepath = str(path)
        try:
            ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            return onnx.load(path)
        except Exception:  # noqa: BLE001 it raises what it likes, and the model works as it is
            return None


def _fits(rewritten: "ModelProto", original: "ModelProto") -> bool:
    """Whether it takes what the original took, and has no operators of one runtime's own."""
    domains = [{node.domain for node in walk(each.graph.node)} for each in (rewritten, original)]
    names = [[value.name for value in each.graph.input] for each in (rewritten, original)]
    return domains[0] <= domains[1] and names[0] == names[1]


def _restore(rewritten: "ModelProto", original: "ModelProto") -> None:
    """What the model says of itself, as it was."""
    for field in ("opset_import", "metadata_props"):
        rewritten.ClearField(field)
        getattr(rewritten, field).extend(getattr(original, field))
    for field in ("input", "output"):
        rewritten.graph.ClearField(field)
        getattr(rewritten.graph, field).extend(getattr(original.graph, field))
    rewritten.graph.ClearField("value_info")  # that of folded constants, which tell it themselves
    rewritten.ir_version = original.ir_version
