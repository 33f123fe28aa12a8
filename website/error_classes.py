"""Every class of errors that a command can print, found in the sources."""

import re
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from lading.api.error_codes import code_of
from lading.api.errors import LadingError
from lading.cli.error_output import exit_code
from lading.emulator.errors import EmulatorError
from lading.functions.contract.errors import InferenceError
from lading.functions.contract.statuses import STATUSES
from lading.model_packaging.errors import PackagingError
from lading.stacks.errors import StackError

ROOTS: tuple[type[Exception], ...] = (
    PackagingError,
    InferenceError,
    LadingError,
    StackError,
    EmulatorError,
)
"""`lading.cli.main` catches these."""

_CLASS = re.compile(r"^class (\w+)\((\w+)\):", re.MULTILINE)
_REMEDY = re.compile(r"^Remedy: (.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)


class DescribedError(NamedTuple):
    """What the reference says of a class of errors.

    Args:
        code: the code that the command prints.
        meaning: the first line of the docstring.
        remedy: what to do; empty where nothing is written, not even for a parent.
        exit_code: of the command.
        status: of HTTP; None for errors that have no dialect.
    """

    code: str
    meaning: str
    remedy: str
    exit_code: int
    status: int | None


def error_classes(package: Path) -> list[type[Exception]]:
    """Return the roots and all classes below them, in the order of their codes.

    Args:
        package: the folder of `lading`.
    """
    modules = _modules(package)
    for name in sorted({module for module, _ in modules.values()}):
        import_module(name)
    found = {kind for root in ROOTS for kind in _below(root)}
    return sorted((each for each in found if each.__name__ in modules), key=code_of)


def describe(kind: type[Exception]) -> DescribedError:
    """Return what the docstrings and the tables say of a class of errors."""
    documented = [each.__doc__ or "" for each in kind.__mro__ if each is not Exception]
    remedies = [found[1] for text in documented if (found := _REMEDY.search(_dedented(text)))]
    return DescribedError(
        code_of(kind),
        documented[0].partition("\n")[0],
        " ".join(remedies[0].split()) if remedies else "",
        exit_code(kind.__new__(kind)),
        _status(kind),
    )


def _dedented(docstring: str) -> str:
    return "\n".join(line.strip() for line in docstring.splitlines())


def _status(kind: type[Exception]) -> int | None:
    if not issubclass(kind, InferenceError):
        return None
    return next((STATUSES[each] for each in kind.__mro__ if each in STATUSES), 500)


def _modules(package: Path) -> dict[str, tuple[str, str]]:
    """Return class -> its module and its parent, of the roots and of what is below them."""
    classes: dict[str, tuple[str, str]] = {}
    for path in sorted(package.glob("*/**/*.py")):
        module = ".".join(("lading", *path.relative_to(package).with_suffix("").parts))
        text = path.read_text(encoding="utf-8")
        classes |= {name: (module, parent) for name, parent in _CLASS.findall(text)}
    known = {root.__name__ for root in ROOTS}
    while more := {name for name, (_, parent) in classes.items() if parent in known} - known:
        known |= more
    return {name: found for name, found in classes.items() if name in known}


def _below(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _below(child))]
