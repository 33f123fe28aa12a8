"""Compile the Python files below a folder: `compile_tree.py FOLDER PREFIX beside|instead`.

Run by a Python of the target's version, on this machine or in WebAssembly, with nothing but the
standard library. `PREFIX` is where the folder will be found, for tracebacks. The compiled files
are valid whatever their source's time and content (PEP 552, unchecked); they stand in `__pycache__`
beside their source, or instead of it.
"""

import py_compile
import sys
from importlib.util import cache_from_source
from pathlib import Path


def compile_tree(folder: Path, prefix: str, *, keep_source: bool) -> None:
    """Compile each file, always in the same order, so that the same bytes come out."""
    for source in sorted(folder.rglob("*.py")):
        shown = f"{prefix}/{source.relative_to(folder).as_posix()}"
        beside = cache_from_source(str(source), optimization="")
        py_compile.compile(
            str(source),
            cfile=beside if keep_source else str(source.with_suffix(".pyc")),
            dfile=shown,
            doraise=True,
            optimize=0,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        if not keep_source:
            source.unlink()


if __name__ == "__main__":
    try:
        compile_tree(Path(sys.argv[1]), sys.argv[2], keep_source=sys.argv[3] == "beside")
    except py_compile.PyCompileError as failure:
        sys.exit(str(failure.exc_value))  # one line, with the file and its line
