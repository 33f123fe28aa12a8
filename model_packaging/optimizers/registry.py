"""The optimizers: each is a stage of the pipeline.

To add one, add a module with an `OPTIMISER` that satisfies `optimizer.Optimiser`, list it in
`OPTIMISERS`, and add its key to `manifest.options`.
"""

from lading.model_packaging.optimizers import prune, quantize, simplify, upgrade
from lading.model_packaging.optimizers.optimizer import Optimiser

_LISTED: tuple[Optimiser, ...] = (
    prune.OPTIMISER,
    quantize.OPTIMISER,
    simplify.OPTIMISER,
    upgrade.OPTIMISER,
)


def optimisers() -> tuple[Optimiser, ...]:
    """Every optimizer, in the order of their turns."""
    return tuple(sorted(_LISTED, key=lambda each: each.order))
