"""One module per engine, found here by its name.

To add an engine, add a module with an `ENGINE` that satisfies `serving.Engine`, and its name to
`manifest.EngineName`.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from model_packaging.language_models import generates_text
from model_packaging.manifest import ModelSpec
from model_packaging.serving import Engine


@cache
def engines() -> dict[str, Engine]:
    """The engine of each module in this package, by name."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found: list[Engine] = [module.ENGINE for module in modules]
    return {engine.name: engine for engine in found}


def engine_of(spec: ModelSpec) -> Engine:
    """The engine that the manifest names, or the one that such a source is for."""
    if spec.engine is not None:
        return engines()[spec.engine.name]
    return engines()["vllm" if generates_text(spec.source) else "triton"]
