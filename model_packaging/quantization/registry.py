"""The schemes of quantization, one module for each kind.

To add one, add a module with a tuple `SCHEMES` of `scheme.Scheme`, list it in `_LISTED`, and add
its word to the manifest.
"""

from lading.model_packaging.quantization import dynamic, fp16, static, weight_only
from lading.model_packaging.quantization.scheme import Scheme

_LISTED: tuple[Scheme, ...] = (
    *dynamic.SCHEMES,
    *fp16.SCHEMES,
    *static.SCHEMES,
    *weight_only.SCHEMES,
)


def schemes() -> dict[str, Scheme]:
    """Every scheme, by the manifest's word for it."""
    return {scheme.name: scheme for scheme in _LISTED}
