"""The stage `upgrade`: converts an ONNX file of an old operator set to a newer one.

Quantizing per channel needs operator set 13, and pruning knows current operators. A model that
cannot be converted, or answers differently afterwards, stays unchanged.
"""

from typing import TYPE_CHECKING

from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.onnx_graph import operator_set
from lading.model_packaging.optimizers.optimizer import Optimized, Optimizer, Task
from lading.model_packaging.sources.onnx_file import is_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

OLDEST_OPSET, OPSET = 13, 17


def _optimize(task: Task, model: bytes) -> Optimized:
    from onnx import load_model_from_string

    old = load_model_from_string(model)
    before = operator_set(old)
    if not before or before >= OLDEST_OPSET:
        return Optimized(model, "not needed: the operator set is new enough")
    newer = _upgraded(old)
    if newer is None:
        return Optimized(model, f"stays at operator set {before}: onnx cannot convert it")
    difference = task.difference(newer)
    if difference:
        return Optimized(model, f"stays at operator set {before}: at {OPSET}, it {difference}")
    return Optimized(newer, f"operator set {before} to {OPSET}", {"opset": OPSET})


def _upgraded(model: "ModelProto") -> bytes | None:
    """Return the model at `OPSET`; None when onnx cannot convert it."""
    from onnx import version_converter

    try:
        with library_errors():
            newer = version_converter.convert_version(model, OPSET)
    except LibraryFailed:
        return None
    content: bytes = newer.SerializeToString(deterministic=True)
    return content


OPTIMIZER = Optimizer(
    "upgrade",
    idle="not needed: only .onnx files state an operator set",
    exact=True,
    applies=is_onnx,
    optimize=_optimize,
)
