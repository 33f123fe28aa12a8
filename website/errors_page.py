"""The reference of errors, from the docstrings of their classes."""

from pathlib import Path

from website.error_classes import ROOTS, DescribedError, describe, error_classes
from website.markdown import code, text

_HEAD = """# Errors

The command prints an error as one line, with its code in brackets; `--json` has the code as
`error.code`. A code never changes, so scripts can compare it. The exit code is that of the command.
The HTTP status is that of the answer; dialects differ in a few, where their protocol does. Capitals
in a command stand for your own names.
"""

_TITLES = {
    "PackagingError": "Packaging, training and batches",
    "InferenceError": "Requests and models that are served",
    "LadingError": "The command and the Python API",
    "StackError": "Stages and stacks",
    "EmulatorError": "The emulator",
}


def errors_page(package: Path) -> str:
    """Return the page of all errors, a section for each tree.

    Args:
        package: the folder of `lading`.
    """
    kinds = [kind for kind in error_classes(package) if kind not in ROOTS]
    sections = [_HEAD]
    for root in ROOTS:
        sections.append(f"## {_TITLES[root.__name__]}\n")
        sections += [_entry(describe(kind)) for kind in kinds if issubclass(kind, root)]
    return "\n".join(sections)


def _entry(error: DescribedError) -> str:
    status = f", HTTP status {code(error.status)}" if error.status else ""
    return (
        f"### {error.code}\n\n{text(error.meaning)}\n\n"
        f"**Remedy:** {text(error.remedy)}\n\nExit code {code(error.exit_code)}{status}.\n"
    )
