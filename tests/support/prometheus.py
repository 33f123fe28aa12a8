"""Prometheus's own programs, from Debian's package; `make prometheus` fetches them."""

import shutil
from pathlib import Path

import pytest

_FETCHED = Path(__file__).parents[2] / ".lading" / "tools" / "prometheus" / "usr" / "bin"


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; the test is skipped where it is not."""
    found = shutil.which(name, path=str(_FETCHED)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; on Debian and Ubuntu: make prometheus")
    return found
