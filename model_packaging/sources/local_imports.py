"""Finds the local files that a Python file imports, by parsing it; its code does not run."""

import ast
from collections.abc import Iterator
from pathlib import Path


def local_imports(folder: Path, module: str) -> dict[str, Path]:
    """Return the files below `folder` that a module imports, directly or indirectly, by name.

    Imports inside functions count; imports by a computed name are not found.

    Args:
        folder: the root of the modules' names.
        module: the module's dotted name; it is not in the result.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        path = _file(folder, name := waiting.pop())
        if path is not None and name not in found:
            found[name] = path
            waiting += _imported(path, name if path.stem == "__init__" else name.rpartition(".")[0])
    found.pop(module, None)
    return dict(sorted(found.items()))


def _file(folder: Path, module: str) -> Path | None:
    """Return the file of a module; a package comes first, as in Python."""
    path = folder.joinpath(*module.split("."))
    files = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in files if file.is_file()), None)


def _imported(path: Path, package: str) -> Iterator[str]:
    """Yield names that may be modules; importing `a.b` runs `a` first."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # running it reports that
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            named = [f"{origin}.{each.name}".lstrip(".") for each in node.names]
        else:
            continue
        for name in named:
            parts = name.split(".")
            yield from (".".join(parts[: end + 1]) for end in range(len(parts)))


def _origin(node: ast.ImportFrom, package: str) -> str:
    """Return the module that a statement imports from, as an absolute name."""
    above = package.split(".")[: -node.level + 1 or None] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])
