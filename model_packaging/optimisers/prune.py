"""The stage `prune`: weights become zero, or whole neurons and channels are removed."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from functions.inference.predictor import SessionError
from functions.inference.session import OnnxSession
from model_packaging.conversion import tool_versions
from model_packaging.errors import PruningError
from model_packaging.manifest import ModelSpec
from model_packaging.optimisation import Optimised, Task
from model_packaging.options import PruneSpec
from model_packaging.pruning.magnitude import prune_weights, store_sparsely
from model_packaging.pruning.structured import prune_neurons
from model_packaging.quantization.graphs import excluded, prepare

_SHOWN = 3


class Prune:
    """See `optimisation.Optimiser`."""

    stage = "prune"
    order = 10
    idle = "not asked for"

    def options(self, spec: ModelSpec) -> Mapping[str, Any] | None:
        """See `Optimiser.options`."""
        return asdict(spec.prune) if spec.prune else None

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:  # noqa: ARG002 - it needs none
        """See `Optimiser.files`."""
        return {}

    def tools(self, spec: ModelSpec) -> Mapping[str, str]:
        """See `Optimiser.tools`."""
        return tool_versions(spec, "demo", "onnx")

    def optimise(self, task: Task, model: bytes) -> Optimised:
        """See `Optimiser.optimise`."""
        asked = task.spec.prune
        if asked is None:
            raise ValueError(f"model '{task.spec.name}' is not to be pruned")
        content, outcome = _prune(task.spec, asked, model)
        try:
            OnnxSession(content)
        except (SessionError, ValueError) as error:
            raise PruningError(task.spec.name, f"cannot be loaded once pruned: {error}") from error
        return Optimised(content, outcome, {"method": asked.method, "sparsity": asked.sparsity})


OPTIMISER = Prune()


def _prune(spec: ModelSpec, asked: PruneSpec, content: bytes) -> tuple[bytes, str]:
    model = prepare(content)
    for pattern in asked.exclude:
        if not excluded(model, [pattern]):
            raise PruningError(spec.name, f"has no node or operator '{pattern}' to exclude")
    reasons: list[str] = []
    names = excluded(model, asked.exclude)
    before = len(content)
    if asked.method == "magnitude":
        count = prune_weights(model, asked.sparsity, names, everywhere=asked.scope == "global")
        what = f"{count:,} weights became zero"
        if spec.quantize.scheme == "none":  # quantising takes plain weights
            store_sparsely(model)
    else:
        count, reasons = prune_neurons(model, asked.sparsity, names)
        what = f"{count:,} neurons removed"
    if not count:
        why = f" ({'; '.join(reasons[:_SHOWN])})" if reasons else ""
        raise PruningError(spec.name, f"has no layer that can be pruned{why}")
    pruned: bytes = model.SerializeToString(deterministic=True)
    kept = f", {len(reasons)} layers left as they are" if reasons else ""
    return pruned, f"{what}: {before:,} to {len(pruned):,} bytes{kept}"
