"""Compile a folder of Python files by an interpreter of the target's version."""

from pathlib import Path

from lading.stacks.build.commands import run
from lading.stacks.errors import CompilationFailed

_COMPILEALL = ("-I", "-S", "-W", "ignore", "-m", "compileall", "-q")
"""The standard library's compiler of whole folders, alone in its interpreter."""


def compile_folder(python: Path, folder: Path, prefix: str, *, keep_sources: bool) -> None:
    """Compile every source below `folder`, which Lambda unpacks to `prefix`.

    Compiled files are valid whatever the time and content of their source (PEP 552, unchecked).
    They stand in `__pycache__` beside the sources, or replace them.

    Raises:
        CompilationFailed: a file does not compile; the text names it.
    """
    places = ("-s", folder, "-p", prefix, "--invalidation-mode", "unchecked-hash")
    finished = run(python, *_COMPILEALL, *places, *(() if keep_sources else ("-b",)), folder)
    if finished.returncode != 0:
        raise CompilationFailed(python, " ".join(finished.stdout.split()))
    if not keep_sources:
        for source in folder.rglob("*.py"):
            source.unlink()
