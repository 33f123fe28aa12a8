"""Find the imports that a handler can reach, also those that wait within a function.

A request may be the first to execute an import; if the layer lacks the module, that request fails.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

_HANDLERS = ("lambda_handler.py", "web_adapter.py")
"""Files that Lambda, or the script of the web adapter, starts."""

_BY_NAME = ("inference/dialects/*.py", "inference/processing/*.py")
"""Modules that code imports by a name that it computes."""

IN_OTHER_LAYERS = frozenset({"image", "tokens"})
"""Steps that import a library from a layer of its own."""


def reachable_imports(functions: Path) -> list[str]:
    """Return the import statements that the handlers in `functions` can reach, as source text.

    Steps whose library has a layer of its own are left out.
    """
    waiting, read, statements = list(_entries(functions)), set[Path](), set[str]()
    while waiting:
        path = waiting.pop()
        if path in read or not path.is_file():
            continue
        read.add(path)
        for node in _imports(ast.parse(path.read_bytes()).body):
            statements.add(ast.unparse(node))
            waiting += _files(functions, node)
    return sorted(statements)


def _entries(functions: Path) -> Iterator[Path]:
    for name in _HANDLERS:
        yield from functions.rglob(name)
    for pattern in _BY_NAME:
        found = (functions / "lading" / "functions").glob(pattern)
        yield from (path for path in found if path.stem not in IN_OTHER_LAYERS)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imports(node.orelse)
        else:
            yield from _imports(ast.iter_child_nodes(node))


def _files(functions: Path, node: ast.Import | ast.ImportFrom) -> Iterator[Path]:
    """Yield the files that may hold the modules of a statement, and their packages."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{name}" for name in names]
    for name in names:
        module = functions.joinpath(*name.split("."))
        for place in (module, *module.parents):
            if place.is_relative_to(functions):
                yield from (place.with_name(f"{place.name}.py"), place / "__init__.py")
