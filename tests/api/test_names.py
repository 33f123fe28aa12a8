"""The names of `import lading`: light until they are used, and the same for type checkers."""

import re
from importlib.resources import files

import pytest

import lading
from tests.support.interpreter import run_clean

PROBE = """
import json, sys
before = set(sys.modules)
import lading
print(json.dumps({"new": sorted(set(sys.modules) - before)}))
"""


def test_importing_it_imports_nothing_else() -> None:
    assert run_clean(PROBE, {})[-1] == {"new": ["lading"]}


def test_each_name_is_there_and_type_checkers_know_the_same() -> None:
    stated = files("lading").joinpath("__init__.pyi").read_text()
    assert sorted(re.findall(r"import (\w+)$", stated, re.MULTILINE)) == sorted(lading.__all__)
    for name in lading.__all__:
        assert getattr(lading, name).__name__ == name
        assert name in dir(lading)


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'lading' has no attribute 'deplyo'"):
        lading.deplyo  # type: ignore[attr-defined] # noqa: B018
