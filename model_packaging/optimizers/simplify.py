"""The stage `simplify`: an ONNX file's constants folded, where that leaves less of it.

Other frameworks' exporters fold constants themselves.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.optimizers.simplification import count_nodes, simplify
from lading.model_packaging.sources.onnx_file import is_onnx


class Simplify:
    """See `optimization.Optimizer`."""

    stage = "simplify"
    order = 5
    idle = "not needed: only .onnx files come with constants to fold"
    exact = True

    def options(self, spec: ModelSpec) -> Mapping[str, Any] | None:
        """See `Optimizer.options`."""
        return {} if is_onnx(spec) else None

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:  # noqa: ARG002 - it needs none
        """See `Optimizer.files`."""
        return {}

    def tools(self, spec: ModelSpec) -> Mapping[str, str]:
        """See `Optimizer.tools`."""
        return tool_versions(spec, "demo", "onnx", "onnx-ir")

    def optimize(self, task: Task, model: bytes) -> Optimized:
        """See `Optimizer.optimize`."""
        simpler = simplify(model)
        if simpler is None:
            return Optimized(model, "left as it is, nothing to fold")
        try:
            task.compare(simpler)
        except ConversionError as error:
            return Optimized(model, f"left as it is: once simplified, it {error.reason}")
        nodes = [_count(each) for each in (model, simpler)]
        outcome = f"{nodes[0]:,} to {nodes[1]:,} nodes, {len(model):,} to {len(simpler):,} bytes"
        return Optimized(simpler, outcome, {"nodes": nodes[1]})


OPTIMIZER = Simplify()


def _count(model: bytes) -> int:
    from onnx import load_model_from_string

    return count_nodes(load_model_from_string(model))
