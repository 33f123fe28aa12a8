"""OpenMP's library for a layer whose wheels expect the system to have it.

LightGBM's wheel needs `libgomp.so.1`, which Lambda's Python does not promise to have. The wheel of
scikit-learn carries one: it becomes `lib/libgomp.so.1` of the layer, where Lambda's dynamic linker
looks (`/opt/lib`), and nothing else of scikit-learn stays.
"""

import shutil
from pathlib import Path
from typing import Final

NEEDED_BY: Final = frozenset({"lightgbm"})
"""The layers that get it; their requirements have scikit-learn for it."""

_LIBRARY: Final = "libgomp.so.1"


def keep_openmp(layer: Path) -> None:
    """Move OpenMP's library to `lib/` of a layer, and remove the package that brought it."""
    python = layer / "python"
    (found,) = python.glob("scikit_learn.libs/libgomp-*")
    (layer / "lib").mkdir()
    found.rename(layer / "lib" / _LIBRARY)
    for folder in (python / "sklearn", *python.glob("scikit_learn*")):
        shutil.rmtree(folder)
