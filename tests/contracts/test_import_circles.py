"""No module imports itself through others, not even inside a function or for types alone."""

import ast
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.support.interpreter import ROOT
from tests.support.rooms import ROOMS


def imports() -> Mapping[str, set[str]]:
    """Every module of the source -> the modules that it names in an import, wherever that is."""
    paths = {
        ".".join(("lading", *path.relative_to(ROOT).with_suffix("").parts)): path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    return {
        name: set(_named(path.read_text(encoding="utf-8"), modules))
        for name, path in modules.items()
    }


def _named(source: str, modules: Collection[str]) -> Iterator[str]:
    """The modules that a source's imports name, also those from which it takes only a name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            taken = {f"{node.module}.{each.name}" for each in node.names}
            yield from (each if each in modules else str(node.module) for each in taken)
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def test_no_import_leads_back_to_its_module() -> None:
    edges = imports()
    assert len(edges) > 400
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
