"""One module per optimiser, found here; each is a stage of the pipeline.

To add one, add a module with an `OPTIMISER` that satisfies `optimisation.Optimiser`, and its key to
`options.py`.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from model_packaging.optimisation import Optimiser


@cache
def optimisers() -> tuple[Optimiser, ...]:
    """The optimiser of each module in this package, in the order of their turns."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return tuple(sorted((module.OPTIMISER for module in modules), key=lambda each: each.order))
