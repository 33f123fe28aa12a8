"""The folder of Lading's code, and the files that only a checkout of it has."""

from pathlib import Path

import lading
from lading.emulator.errors import CheckoutNeeded

CODE = Path(lading.__path__[0]).resolve().parent
"""The folder that `lading` is imported from: a checkout, or site-packages."""


def checkout_file(name: str) -> Path:
    """Return the path of a file that is in a checkout of Lading, but not in its wheel.

    Raises:
        CheckoutNeeded: Lading runs from an installed wheel.
    """
    path = CODE / name
    if not path.is_file():
        raise CheckoutNeeded(name, CODE)
    return path
