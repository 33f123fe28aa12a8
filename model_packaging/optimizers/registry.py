"""The optimizers in the order in which they run; each one is a stage of the pipeline.

To add one, write a module with an `OPTIMIZER` (see `optimizer.Optimizer`) and list it here. If
users turn it on, its key goes into the manifest: docs/architecture.md names the places.
"""

from lading.model_packaging.optimizers import prune, quantize, simplify, upgrade
from lading.model_packaging.optimizers.optimizer import Optimizer

OPTIMIZERS: tuple[Optimizer, ...] = (
    upgrade.OPTIMIZER,
    simplify.OPTIMIZER,
    prune.OPTIMIZER,
    quantize.OPTIMIZER,
)
