"""The converters, one module or package for each framework.

To add a framework, add a module with a `conversion.Converter`, and list it in `CONVERTERS`.
"""

from pathlib import Path

from lading.model_packaging.conversion import Converter
from lading.model_packaging.converters import mxnet, onnx, sklearn
from lading.model_packaging.converters.boosting import lightgbm, xgboost
from lading.model_packaging.converters.huggingface import converter as huggingface
from lading.model_packaging.converters.pytorch import converter as pytorch
from lading.model_packaging.converters.tensorflow import converter as tensorflow
from lading.model_packaging.errors import FrameworkUnknown

CONVERTERS: tuple[Converter, ...] = (
    huggingface.CONVERTER,
    lightgbm.CONVERTER,
    mxnet.CONVERTER,
    onnx.CONVERTER,
    pytorch.CONVERTER,
    sklearn.CONVERTER,
    tensorflow.CONVERTER,
    xgboost.CONVERTER,
)
"""Every converter; the first that accepts a file is chosen."""


def find_converter(name: str, source: Path, framework: str | None = None) -> Converter:
    """Return the converter for a file or folder.

    Args:
        name: the model's name, for errors.
        source: the trained model's file, of which only the suffix is read, or its folder.
        framework: the framework that the manifest names: a file may then have any suffix. None if
            the suffix decides.

    Raises:
        FrameworkUnknown: no converter accepts it.
    """
    for converter in CONVERTERS:
        if framework is None and _accepts(converter, source):
            return converter
        if framework == converter.framework and _may_read(converter, source):
            return converter
    known = (
        f"{each.framework} ({', '.join((*each.suffixes, *each.contents))})" for each in CONVERTERS
    )
    raise FrameworkUnknown(name, source, framework, known)


def _accepts(converter: Converter, source: Path) -> bool:
    if source.is_dir():
        return any(any(source.glob(pattern)) for pattern in converter.contents)
    return source.suffix.lower() in converter.suffixes


def _may_read(converter: Converter, source: Path) -> bool:
    """Return whether a framework that the manifest names may read it: any file, few folders."""
    return _accepts(converter, source) if source.is_dir() else bool(converter.suffixes)
