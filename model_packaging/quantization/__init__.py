"""The schemes of quantisation, one module for each kind, found here by the scheme's name.

To add one, add a module with a tuple `SCHEMES` of `scheme.Scheme`, and its word to the manifest.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from model_packaging.quantization.scheme import Scheme

_SHARED = ("graphs", "products", "scheme")


@cache
def schemes() -> dict[str, Scheme]:
    """Every scheme, by the manifest's word for it."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name not in _SHARED)
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return {scheme.name: scheme for module in modules for scheme in module.SCHEMES}
