"""What a Python file imports of the files beside it, told by reading it; nothing of it runs."""

import ast
from collections.abc import Iterator
from pathlib import Path


def local_imports(folder: Path, module: str) -> dict[str, Path]:
    """Files below `folder` that a module there imports, and those that they import, by name.

    Imports inside functions count; what is imported by a computed name is not found.

    Args:
        folder: where the names of modules begin.
        module: the module's dotted name; it is left out itself.
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
    """Where Python would look for a module, a package first."""
    path = folder.joinpath(*module.split("."))
    files = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in files if file.is_file()), None)


def _imported(path: Path, package: str) -> Iterator[str]:
    """Names that may be modules; importing `a.b` runs `a` before."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # who runs it is told of that
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
    """What a statement imports from, without its dots."""
    above = package.split(".")[: -node.level + 1 or None] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])
