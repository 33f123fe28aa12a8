"""The stage `prune`: sets weights to zero, or removes whole neurons and channels."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from lading.model_packaging.check.trial import Unfit
from lading.model_packaging.errors import ManifestError, PruningError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Optimizer, Task
from lading.model_packaging.pruning.magnitude import prune_weights, store_sparsely
from lading.model_packaging.pruning.structured import prune_neurons
from lading.model_packaging.quantization.graphs import excluded, prepare

_SHOWN = 3
_ROUNDING = 1e-3
"""How far sums of the same numbers in another order may be apart, of the spread of the answers."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """A pruned model, and `silenced`: the model at its old size that must give the same answers."""

    model: bytes
    silenced: bytes
    outcome: str


def prune_model(spec: ModelSpec, config: PruneSpec, content: bytes) -> Pruned:
    """Prune a serialized model.

    Raises:
        PruningError: nothing in it can be pruned, or a pattern to exclude matches nothing.
    """
    model, silenced = prepare(content), prepare(content)
    for pattern in config.exclude:
        if not excluded(model, [pattern]):
            raise PruningError(spec.name, f"has no node or operator '{pattern}' to exclude")
    reasons: list[str] = []
    names = excluded(model, config.exclude)
    if config.method == "magnitude":
        count = prune_weights(model, config.sparsity, names, everywhere=config.scope == "global")
        what = f"{count:,} weights set to zero"
        silenced.CopyFrom(model)
        if spec.quantize.scheme == "none":  # quantizing needs dense weights
            store_sparsely(model)
    else:
        count, reasons = prune_neurons(model, config.sparsity, names, silenced)
        what = f"{count:,} neurons removed"
    if not count:
        why = f" ({'; '.join(reasons[:_SHOWN])})" if reasons else ""
        raise PruningError(spec.name, f"has no layer that can be pruned{why}")
    pruned: bytes = model.SerializeToString(deterministic=True)
    kept = f", {len(reasons)} layers unchanged" if reasons else ""
    outcome = f"{what}: {len(content):,} to {len(pruned):,} bytes{kept}"
    return Pruned(pruned, silenced.SerializeToString(), outcome)


def optimize(
    task: Task, model: bytes, prune: Callable[[ModelSpec, PruneSpec, bytes], Pruned] = prune_model
) -> Optimized:
    """Prune a model, and require that the result gives the answers that it must."""
    config = task.spec.prune
    assert config is not None
    pruned = prune(task.spec, config, model)
    _try_out(task, model, pruned)
    facts: dict[str, Any] = {"method": config.method, "sparsity": config.sparsity}
    if config.recover:
        _require_recovered(task, model, pruned)
        facts["recovered"] = True
    return Optimized(pruned.model, pruned.outcome, facts)


def _try_out(task: Task, before: bytes, pruned: Pruned) -> None:
    """Require that a pruned model answers as its remaining neurons and weights say.

    Raises:
        PruningError: it does not.
    """
    try:
        task.trial.of(before).compare(pruned.silenced, far=inf)
    except Unfit as error:
        raise PruningError(task.spec.name, f"{error} after pruning") from error
    try:
        task.trial.of(pruned.silenced).compare(pruned.model, far=_ROUNDING)
    except Unfit as error:
        reason = f"{error}: it must answer like the whole model without the pruned parts"
        raise PruningError(task.spec.name, reason) from error


def _require_recovered(task: Task, before: bytes, pruned: Pruned) -> None:
    """Require that the model was trained again after pruning, and that pruning changes nothing.

    Raises:
        ManifestError: it was not, or the script did not keep the zeros.
    """
    spec = task.spec
    if spec.unpruned is None:
        reason = f"has no result yet; run `lading recover {spec.name}`"
        raise ManifestError(spec.place("prune.recover"), reason)
    try:
        task.trial.of(before).compare(pruned.model, far=_ROUNDING)
    except Unfit as error:
        reason = f"left a model that pruning still changes: {error}; keep the zeros of masks.pt"
        raise ManifestError(spec.place("prune.recover.entry"), reason) from error


def _applies(spec: ModelSpec) -> bool:
    return spec.prune is not None


OPTIMIZER = Optimizer(
    "prune", idle="not requested", exact=False, applies=_applies, optimize=optimize
)
