"""Tests that need a framework: skipped where it is not installed, unless it must be there."""

import os
from importlib.util import find_spec

import pytest

EVERY_FRAMEWORK = "LADING_EVERY_FRAMEWORK"
"""Environment variable that turns skipping into failing: `make test-all` sets it."""


def needs(extra: str, *modules: str) -> pytest.MarkDecorator:
    """Skip where one of `modules` is missing; `make <extra>` installs them all."""
    missing = [module for module in modules if find_spec(module) is None]
    reason = f"{', '.join(missing)} not installed; make {extra} brings it"
    return pytest.mark.skipif(bool(missing) and EVERY_FRAMEWORK not in os.environ, reason=reason)
