"""The environment is read in settings modules alone: there a reader finds every variable."""

import ast

import pytest

from tests.support.interpreter import ROOT
from tests.support.rooms import ROOMS

WRITERS = (
    "emulator/engines/triton_model.py",
    "functions/inference/__init__.py",
    "functions/processing_job/answer.py",
    "model_packaging/quiet.py",
    "training/contract.py",
)
"""Modules that set a variable for a library that reads it when it is imported or called, and
a program of one file."""

MODULES = sorted(
    path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")
)


def touches_environment(source: str) -> bool:
    """Whether a module names `os.environ` or `os.getenv`."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
        for node in ast.walk(ast.parse(source))
    )


@pytest.mark.parametrize("room", ROOMS)
def test_the_environment_is_read_in_settings_modules_alone(room: str) -> None:
    found = [
        name
        for name in MODULES
        if name.startswith(f"{room}/")
        and touches_environment((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert [name for name in found if not name.endswith("settings.py")] == [
        name for name in WRITERS if name.startswith(f"{room}/")
    ]


def test_a_module_that_reads_the_environment_is_found() -> None:
    assert touches_environment("import os\nHOME = os.environ['HOME']")
    assert touches_environment("import os\nHOME = os.getenv('HOME')")
