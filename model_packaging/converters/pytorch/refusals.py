"""Why PyTorch's exporters refuse a model: the cause, the module that it lies in, and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from types import FrameType
from typing import Any

from lading.model_packaging.converters.framework_errors import framework_errors, one_line
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec

FIXES = "fixes an axis that models.yaml leaves free"

_OPERATOR = re.compile(
    r"No ONNX function found for <OpOverload\(op='([\w.]+)'|Exporting the operator '([\w:]+)'"
)
PACKED = (
    "packs padded sequences (pack_padded_sequence), which has no ONNX form; pass the padded "
    "sequences to the layer, and pick each row's last step with torch.gather"
)


@contextmanager
def exporting(spec: ModelSpec, module: Any = None) -> Iterator[None]:
    """Raise ConversionError with one line for an exporter's error.

    Args:
        spec: the model, from the manifest.
        module: the module that is exported; None for an exported program, which names its modules.
    """
    with framework_errors(lambda error: ConversionError(spec.name, _reason(error, module))):
        yield


def _reason(error: Exception, module: Any) -> str:
    """Return what stopped the export, from the pages that torch writes about it."""
    text = one_line(error)
    if packs_sequences(error):
        return PACKED
    if "Constraints violated" in text:
        said = text.partition(" - ")[2].partition(". ")[0]
        return f"{FIXES}: {said}; state its size as a number"
    if "prim::DictConstruct" in text:
        return "returns a dict, which has no ONNX form in TorchScript; return a tuple, and outputs:"
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
    """Whether code that packs sequences, or a layer that received packed ones, raised the error."""
    return any(
        frame.f_code.co_name == "pack_padded_sequence"
        or any(type(value).__name__ == "PackedSequence" for value in frame.f_locals.values())
        for frame in _frames(error)
    )


def require_fixed_pools(spec: ModelSpec, program: Any) -> None:
    """Refuse adaptive pooling over axes of any size, which the exporter computes wrongly.

    Raises:
        ConversionError: names the first such layer.
    """
    for node in program.graph.nodes:
        if node.op != "call_function" or "adaptive_" not in str(node.target):
            continue
        value = node.meta["val"]
        pooled = (value if hasattr(value, "shape") else value[0]).shape
        given = node.args[0].meta["val"].shape
        pairs = zip(given, pooled, strict=True)
        if any(not isinstance(size, int) and isinstance(to, int) and to > 1 for size, to in pairs):
            reason = f"has adaptive pooling to {list(pooled[2:])}{_layer(node)}, which {FIXES}"
            raise ConversionError(spec.name, f"{reason}; state its size as a number")


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
