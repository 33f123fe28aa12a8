"""What the emulator reads of this process's environment."""

import os
from collections.abc import Mapping
from pathlib import Path


def inherited_environment() -> Mapping[str, str]:
    """Return this process's variables without those of AWS, which could lead to a real account."""
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}


def cache_folder() -> Path:
    """Return Lading's folder in the user's cache (XDG Base Directory Specification)."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(stated) if Path(stated).is_absolute() else Path.home() / ".cache"
    return base / "lading"
