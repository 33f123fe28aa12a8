"""The stage `prune`: weights become zero, or whole neurons and channels are removed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from lading.model_packaging.check.trial import Unfit
from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.errors import PruningError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.pruning.magnitude import prune_weights, store_sparsely
from lading.model_packaging.pruning.structured import prune_neurons
from lading.model_packaging.quantization.graphs import excluded, prepare

_SHOWN = 3
_ROUNDING = 1e-3
"""How far sums of the same numbers in another order may be, of the spread of the answers."""


PruneModel = Callable[[ModelSpec, PruneSpec, bytes], "Pruned"]
"""Prunes a serialized model of an entry in the manifest."""


class Prune:
    """See `optimization.Optimizer`.

    Args:
        prune: does it to a serialized model.
    """

    stage = "prune"
    order = 10
    idle = "not asked for"
    exact = False

    def __init__(
        self, prune: "Callable[[ModelSpec, PruneSpec, bytes], Pruned] | None" = None
    ) -> None:
        self._prune = prune or prune_model

    def options(self, spec: ModelSpec) -> Mapping[str, Any] | None:
        """See `Optimizer.options`."""
        return asdict(spec.prune) if spec.prune else None

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:  # noqa: ARG002 - it needs none
        """See `Optimizer.files`."""
        return {}

    def tools(self, spec: ModelSpec) -> Mapping[str, str]:
        """See `Optimizer.tools`."""
        return tool_versions(spec, "demo", "onnx")

    def optimize(self, task: Task, model: bytes) -> Optimized:
        """See `Optimizer.optimize`."""
        asked = task.spec.prune
        if asked is None:
            raise ValueError(f"model '{task.spec.name}' is not to be pruned")
        pruned = self._prune(task.spec, asked, model)
        _try_out(task, model, pruned)
        facts = {"method": asked.method, "sparsity": asked.sparsity}
        return Optimized(pruned.model, pruned.outcome, facts)


@dataclass(frozen=True, slots=True)
class Pruned:
    """A pruned model, and `silenced`: one of the original's size that must answer alike."""

    model: bytes
    silenced: bytes
    outcome: str


def _try_out(task: Task, before: bytes, pruned: Pruned) -> None:
    """Run the pruned model, which must do what its neurons and weights say that are left.

    Raises:
        PruningError: it does not.
    """
    try:
        task.trial.of(before).compare(pruned.silenced, far=inf)
    except Unfit as error:
        raise PruningError(task.spec.name, f"{error}, once pruned") from error
    try:
        task.trial.of(pruned.silenced).compare(pruned.model, far=_ROUNDING)
    except Unfit as error:
        reason = f"{error}: it must do as the whole model does without what was pruned"
        raise PruningError(task.spec.name, reason) from error


def prune_model(spec: ModelSpec, asked: PruneSpec, content: bytes) -> Pruned:
    """Prune a serialized model.

    Raises:
        PruningError: nothing in it can be pruned, or nothing bears a name that is to be excluded.
    """
    model = prepare(content)
    for pattern in asked.exclude:
        if not excluded(model, [pattern]):
            raise PruningError(spec.name, f"has no node or operator '{pattern}' to exclude")
    reasons: list[str] = []
    names = excluded(model, asked.exclude)
    silenced = prepare(content)
    if asked.method == "magnitude":
        count = prune_weights(model, asked.sparsity, names, everywhere=asked.scope == "global")
        what = f"{count:,} weights became zero"
        silenced.CopyFrom(model)
        if spec.quantize.scheme == "none":  # quantizing takes plain weights
            store_sparsely(model)
    else:
        count, reasons = prune_neurons(model, asked.sparsity, names, silenced)
        what = f"{count:,} neurons removed"
    if not count:
        why = f" ({'; '.join(reasons[:_SHOWN])})" if reasons else ""
        raise PruningError(spec.name, f"has no layer that can be pruned{why}")
    pruned: bytes = model.SerializeToString(deterministic=True)
    kept = f", {len(reasons)} layers left as they are" if reasons else ""
    outcome = f"{what}: {len(content):,} to {len(pruned):,} bytes{kept}"
    return Pruned(pruned, silenced.SerializeToString(), outcome)


OPTIMIZER = Prune()
