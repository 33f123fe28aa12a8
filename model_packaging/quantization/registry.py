"""The schemes of quantization by the manifest's words for them, one module for each kind.

To add one, write a module with a tuple `SCHEMES` of `scheme.Scheme`, list it here, and add its
word to `Scheme` in `manifest/options.py`.
"""

from collections.abc import Mapping

from lading.model_packaging.quantization import dynamic, fp16, static, weight_only
from lading.model_packaging.quantization.scheme import Scheme

SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (*dynamic.SCHEMES, *fp16.SCHEMES, *static.SCHEMES, *weight_only.SCHEMES)
}
