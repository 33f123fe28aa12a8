"""The environment of this process, as AWS's clients and the CDK read it."""

import os
from collections.abc import Mapping


def colors() -> bool | None:
    """Return False if the user wants no colors (no-color.org); None: the terminal decides."""
    return False if os.environ.get("NO_COLOR") else None


def all_variables() -> Mapping[str, str]:
    """Return the variables of this process, for a program that acts for its user."""
    return dict(os.environ)
