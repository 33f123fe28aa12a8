"""Tests of code that is built for Lambda: its Python must be on this machine."""

import pytest

from lading.stacks.build.interpreters import find_python
from lading.stacks.errors import PythonMissing
from lading.stacks.stages.target import LAMBDA_PYTHON


def require_lambda_python() -> None:
    """Skip where there is none; `make` cannot install an interpreter."""
    try:
        find_python(LAMBDA_PYTHON)
    except PythonMissing as error:
        pytest.skip(str(error))
