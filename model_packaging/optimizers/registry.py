"""The optimizers in the order in which they run; each one is a stage of the pipeline.

CONTRIBUTING.md shows how to add one.
"""

from lading.model_packaging.optimizers import prune, quantize, simplify, upgrade
from lading.model_packaging.optimizers.optimizer import Optimizer

OPTIMIZERS: tuple[Optimizer, ...] = (
    upgrade.OPTIMIZER,
    simplify.OPTIMIZER,
    prune.OPTIMIZER,
    quantize.OPTIMIZER,
)
