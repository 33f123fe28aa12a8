"""The folder of Lading's code, and the files of it that are no code."""

from pathlib import Path

import lading
from lading.emulator.settings import cache_folder

_PACKAGE = Path(lading.__path__[0])

CODE = _PACKAGE.resolve().parent
"""The folder that `lading` is imported from: a checkout, or site-packages."""


def packaged_file(name: str) -> Path:
    """Return the path of a file that a checkout and the installed package both have.

    Args:
        name: its path below the root of a checkout, such as `requirements/emulate.txt`.
    """
    return _PACKAGE / name


def tools_folder() -> Path:
    """Return the folder of installed tools: in a checkout, or in the user's cache."""
    local = CODE / ".lading" if (CODE / "pyproject.toml").is_file() else cache_folder()
    return local / "emulate"
