"""Imports skops without torch.

To list the estimators of scikit-learn, skops imports each package below `sklearn`, also the one
that wraps torch. Where torch is installed, importing it would take longer than all the rest of a
small model's packaging, and no estimator needs it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Any

_UNNEEDED = "torch"


def import_skops() -> Any:
    """Return the module `skops.io`; what imports torch later gets it.

    Not for a process where another thread may import torch at the same time: it would not find it.
    """
    with _hidden(_UNNEEDED):
        from skops import io

        return io


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Have imports of a module fail meanwhile, unless it is imported already."""
    finder = _NotFound(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _NotFound(MetaPathFinder):
    """Says that there is no module of a name.

    Args:
        name: the module's.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, fullname: str, *_: object) -> None:
        """Leave all other modules to the finders that follow."""
        if fullname == self._name:
            raise ModuleNotFoundError(f"'{fullname}' is not imported here", name=fullname)
