"""The stage `upgrade`: an ONNX file of an old operator set is brought to a newer one.

Weights are quantized per channel from operator set 13 on, and pruned where operators are current. A
model that cannot be brought there, or would then answer differently, is served as it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.sources.onnx_file import is_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

OLDEST_OPSET, OPSET = 13, 17


class Upgrade:
    """See `optimization.Optimizer`."""

    stage = "upgrade"
    order = 4
    idle = "not needed: only .onnx files bring operators of their own"
    exact = True

    def options(self, spec: ModelSpec) -> Mapping[str, Any] | None:
        """See `Optimizer.options`."""
        return {} if is_onnx(spec) else None

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:  # noqa: ARG002 - it needs none
        """See `Optimizer.files`."""
        return {}

    def tools(self, spec: ModelSpec) -> Mapping[str, str]:
        """See `Optimizer.tools`."""
        return tool_versions(spec, "demo", "onnx")

    def optimize(self, task: Task, model: bytes) -> Optimized:
        """See `Optimizer.optimize`."""
        from onnx import load_model_from_string

        old = load_model_from_string(model)
        before = operator_set(old)
        if before is None or before >= OLDEST_OPSET:
            return Optimized(model, "not needed: its operator set is new enough")
        newer = _upgraded(old)
        if newer is None:
            return Optimized(model, f"left at operator set {before}: onnx cannot convert it")
        try:
            task.compare(newer)
        except ConversionError as error:
            reason = f"left at operator set {before}: at {OPSET}, it {error.reason}"
            return Optimized(model, reason)
        return Optimized(newer, f"operator set {before} to {OPSET}", {"opset": OPSET})


OPTIMIZER = Upgrade()


def operator_set(model: "ModelProto") -> int | None:
    """The version of the standard operators; None when the model has none of them."""
    versions = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    return max(versions, default=None)


def _upgraded(model: "ModelProto") -> bytes | None:
    """The model at `OPSET`; None when it cannot be brought there."""
    from onnx import version_converter

    try:
        newer = version_converter.convert_version(model, OPSET)
    except Exception:  # noqa: BLE001 it raises what it likes, and the model works as it is
        return None
    content: bytes = newer.SerializeToString(deterministic=True)
    return content
