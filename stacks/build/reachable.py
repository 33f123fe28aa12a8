"""A check of the build: all imports that a handler can reach, also those within functions.

A request may be the first to execute an import; if the layer lacks the module, that request fails.
"""

import ast
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from lading.functions.contract.names import Library
from lading.stacks.build.commands import last_line, run
from lading.stacks.errors import CodeDoesNotAnswer

_HANDLERS = ("lambda_handler.py", "web_adapter.py")
"""Files that Lambda, or the script of the web adapter, starts."""

_BY_NAME = ("inference/dialects/*.py", "inference/native/*.py", "inference/processing/*.py")
"""Modules that code imports by a name that it computes."""

LIBRARIES: Mapping[str, Library] = MappingProxyType(
    {
        "image": "pillow",
        "tokens": "tokenizers",
        "lightgbm": "lightgbm",
        "litert": "litert",
        "skops": "skops",
        "xgboost": "xgboost",
    }
)
"""Steps and runtimes of models that import a library from a layer of its own."""

_ONLY_IN_CONTAINERS = {"torchscript"}
"""Runtimes of models that no function serves, since their library fits into no layer."""

RUNTIME_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""The AWS SDK and what it requires: Lambda's Python has them; all are pure Python."""

_SCRIPT = """
import json, sys
statements, *places = sys.argv[1:]
sys.path += places
for statement in json.loads(statements):
    try:
        exec(statement, {})
    except ImportError as error:
        sys.exit(f"'{statement}' fails: {error}")
"""


def import_all(python: Path, layers: Sequence[Path], functions: Path, library: str = "") -> None:
    """Execute each import that `reachable_imports` returns, alone in an interpreter.

    Raises:
        CodeDoesNotAnswer: an import fails; the text names it.
    """
    statements = json.dumps(reachable_imports(functions, library))
    with TemporaryDirectory(prefix="lading-runtime-") as temporary:
        places = (functions, *layers, _link_runtime(Path(temporary)))
        options = ("-I", "-S", "-B", "-c", _SCRIPT, statements)
        finished = run(python, *options, *places, environment={"PATH": os.defpath})
    if finished.returncode != 0:
        raise CodeDoesNotAnswer(layers[0], last_line(finished))


def _link_runtime(folder: Path) -> Path:
    """Fill `folder` with this interpreter's copies of `RUNTIME_PACKAGES`."""
    for name in RUNTIME_PACKAGES:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin)
            place = file.parent if file.stem == "__init__" else file
            (folder / place.name).symlink_to(place)
    return folder


def reachable_imports(functions: Path, library: str = "") -> list[str]:
    """Return the import statements that the handlers in `functions` can reach, as source text.

    With a library, these are the statements of what needs it, which the handlers' leave out.
    """
    waiting, read, statements = list(_entries(functions, library)), set[Path](), set[str]()
    while waiting:
        path = waiting.pop()
        if path in read or not path.is_file():
            continue
        read.add(path)
        for node in _imports(ast.parse(path.read_bytes()).body):
            statements.add(ast.unparse(node))
            waiting += _files(functions, node)
    return sorted(statements)


def _entries(functions: Path, library: str) -> Iterator[Path]:
    if not library:
        for name in _HANDLERS:
            yield from functions.rglob(name)
    for pattern in _BY_NAME:
        found = (functions / "lading" / "functions").glob(pattern)
        yield from (path for path in found if _library_of(path) == library)


def _library_of(path: Path) -> str | None:
    """Return the library that a step or a runtime needs; None if no function has that."""
    return None if path.stem in _ONLY_IN_CONTAINERS else LIBRARIES.get(path.stem, "")


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
