"""The models that are served without a conversion, by the runtime of their own framework.

To add one, add a `Converter` that keeps its file to `NATIVES`, what calls its original to
`originals.ORIGINALS`, and a runtime to `lading.functions.inference.native`.
"""

from pathlib import Path

from lading.model_packaging.conversion import Converter
from lading.model_packaging.errors import FrameworkUnknown
from lading.model_packaging.native import boosted, lite, script, skops

NATIVES: tuple[Converter, ...] = (
    boosted.LIGHTGBM,
    boosted.XGBOOST,
    lite.LITE,
    script.SCRIPT,
    skops.SKOPS,
)


def find_native(name: str, source: Path, framework: str | None = None) -> Converter:
    """Return what keeps a file as it is, to be served by its framework's own runtime.

    Args:
        name: the model's name, for errors.
        source: the trained model's file, of which only the suffix is read.
        framework: the framework that the manifest names; None if the suffix decides.

    Raises:
        FrameworkUnknown: no runtime of ours reads it.
    """
    for each in NATIVES:
        by_suffix = framework is None and source.suffix.lower() in each.suffixes
        if not source.is_dir() and (by_suffix or framework == each.framework):
            return each
    known = (f"{each.framework} ({', '.join(each.suffixes)})" for each in NATIVES)
    raise FrameworkUnknown(name, source, framework, known)
