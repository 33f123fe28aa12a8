"""The stage `simplify`: folds the constants of an ONNX file where that makes the file smaller.

Exporters of other frameworks fold constants themselves.
"""

from collections.abc import Mapping

from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Optimizer, Task
from lading.model_packaging.optimizers.simplification import count_nodes, simplify
from lading.model_packaging.sources.onnx_file import is_onnx


def _tools(spec: ModelSpec) -> Mapping[str, str]:
    return tool_versions(spec, "demo", "onnx", "onnx-ir")


def _optimize(task: Task, model: bytes) -> Optimized:
    from onnx import load_model_from_string

    simpler = simplify(model)
    if simpler is None:
        return Optimized(model, "unchanged: there are no constants to fold")
    difference = task.difference(simpler)
    if difference:
        return Optimized(model, f"unchanged: the simplified model {difference}")
    before, after = (count_nodes(load_model_from_string(each)) for each in (model, simpler))
    outcome = f"{before:,} to {after:,} nodes, {len(model):,} to {len(simpler):,} bytes"
    return Optimized(simpler, outcome, {"nodes": after})


OPTIMIZER = Optimizer(
    "simplify",
    idle="not needed: only .onnx files have constants to fold",
    exact=True,
    applies=is_onnx,
    optimize=_optimize,
    tools=_tools,
)
