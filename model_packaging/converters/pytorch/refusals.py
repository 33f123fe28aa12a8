"""Explains why PyTorch's exporters refuse a model: the cause, its module, and what to do."""

import re
from collections.abc import Iterator
from traceback import walk_tb
from types import FrameType
from typing import Any

from lading.model_packaging.converters.framework_errors import one_line

FIXES = "fixes an axis that models.yaml leaves free"

_OPERATOR = re.compile(
    r"No ONNX function found for <OpOverload\(op='([\w.]+)'|Exporting the operator '([\w:]+)'"
)
PACKED = (
    "packs padded sequences (pack_padded_sequence), which has no ONNX form; pass the padded "
    "sequences to the layer, and pick each row's last step with torch.gather"
)


def reason_of(error: Exception, module: Any = None) -> str:
    """Return what stopped an export, from the pages that torch writes about it.

    `module` is what was exported; None for an exported program, which names its modules.
    """
    text = one_line(error)
    if packs_sequences(error):
        return PACKED
    if "Constraints violated" in text:
        cause = text.partition(" - ")[2].partition(". ")[0]
        return f"{FIXES}: {cause}; state its size as a number"
    if "prim::DictConstruct" in text:
        return "returns a dict, which has no ONNX form in TorchScript; return a tuple, and outputs:"
    return _reason_of_layer(text, error, module)


def _reason_of_layer(text: str, error: Exception, module: Any) -> str:
    where = _in_traceback(error, module)
    if "data-dependent expression" in text:
        return (
            f"branches on the values of its inputs{where}, which an ONNX graph made by tracing "
            "cannot; use torch.where or torch.cond, or save it with torch.jit.script(model)"
        )
    missing = _OPERATOR.search(text)
    if missing:
        name = missing[1] or missing[2]
        advice = "compute it outside the model, or with other operators"
        return f"has no ONNX form: ONNX lacks {name}{where or _in_script(module, name)}; {advice}"
    summary = text.rpartition("Exception summary ")[2].partition(" ⬆️")[0]
    return f"has no ONNX form: {summary[:300]}{where}"


def packs_sequences(error: BaseException) -> bool:
    """Return whether packing sequences, or a layer that received packed ones, failed."""
    return any(
        frame.f_code.co_name == "pack_padded_sequence"
        or any(type(value).__name__ == "PackedSequence" for value in frame.f_locals.values())
        for frame in _frames(error)
    )


def pooling_of_free_axes(program: Any) -> str:
    """Describe adaptive pooling over axes of any size, which the exporter computes wrongly.

    Returns the first such layer as words of a sentence; empty if there is none.
    """
    for node in program.graph.nodes:
        if node.op == "call_function" and "adaptive_" in str(node.target):
            value = node.meta["val"]
            pooled = (value if hasattr(value, "shape") else value[0]).shape
            given = node.args[0].meta["val"].shape
            if any(map(_is_pooled_from_any, given, pooled)):
                return f"has adaptive pooling to {list(pooled[2:])}{_layer(node)}"
    return ""


def _is_pooled_from_any(given: Any, pooled: Any) -> bool:
    return not isinstance(given, int) and isinstance(pooled, int) and pooled > 1


def _layer(node: Any) -> str:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1] if stack else ("", "")
    name = kind if isinstance(kind, str) else kind.__name__
    return _words(path, name.rpartition(".")[2])


def _in_script(module: Any, operator: str) -> str:
    """Return the module of TorchScript that uses an operator, as words of a sentence."""
    found = ""
    for path, each in module.named_modules() if module is not None else ():
        if f"{operator}(" in str(getattr(each, "graph", "")):  # also in graphs of outer modules
            found = _words(path, each.original_name)
    return found


def _in_traceback(error: Exception, module: Any) -> str:
    """Return the innermost module that raised the error, as words of a sentence.

    It is the owner of the code, or the module of the node that the exporter was translating.
    """
    paths = {id(each): path for path, each in module.named_modules()} if module is not None else {}
    found = ""
    for frame in _frames(error):
        owner, node = frame.f_locals.get("self"), frame.f_locals.get("node")
        if id(owner) in paths:
            found = _words(paths[id(owner)], type(owner).__name__)
        elif getattr(node, "op", "") == "call_function":
            found = _layer(node) or found
    return found


def _words(path: str, kind: str) -> str:
    return f", in {kind} '{path}'" if path else f", in {kind}" if kind else ""


def _frames(error: BaseException | None) -> Iterator[FrameType]:
    """Yield the frames of an error, and of the errors that caused it."""
    while error is not None:
        for frame, _ in walk_tb(error.__traceback__):
            yield frame
        error = error.__cause__
