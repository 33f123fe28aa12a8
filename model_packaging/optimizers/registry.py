"""The optimizers: each is a stage of the pipeline.

To add one, add a module with an `OPTIMIZER` that satisfies `optimizer.Optimizer`, list it in
`OPTIMIZERS`, and add its key to `manifest.options`.
"""

from lading.model_packaging.optimizers import prune, quantize, simplify, upgrade
from lading.model_packaging.optimizers.optimizer import Optimizer

_LISTED: tuple[Optimizer, ...] = (
    prune.OPTIMIZER,
    quantize.OPTIMIZER,
    simplify.OPTIMIZER,
    upgrade.OPTIMIZER,
)


def optimizers() -> tuple[Optimizer, ...]:
    """Every optimizer, in the order of their turns."""
    return tuple(sorted(_LISTED, key=lambda each: each.order))
