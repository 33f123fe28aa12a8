"""The `requirements.txt` of a class of the user's own: each package with exactly one version."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple

REQUIREMENTS: Final = "requirements.txt"
_PINNED: Final = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[\w\s,.-]*\])?\s*==\s*([\w.+!-]+)")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_HASH: Final = re.compile(r"\s--hash=\w+:[0-9a-f]+")
_ZEROS: Final = re.compile(r"(\.0)+$")


class Requirement(NamedTuple):
    """A package and its version."""

    name: str
    version: str


def requirement_lines(text: str) -> Iterator[str]:
    """Yield each requirement of a file's text as one line, with its hashes, without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        if stated := " ".join(_COMMENT.sub("", line).split()):
            yield stated


def read_requirements(text: str) -> Iterator[Requirement]:
    """Yield the requirements of a file's text; hashes of a lock are left to pip.

    Raises:
        ValueError: a line does not pin one version.
    """
    for line in requirement_lines(text):
        stated = _HASH.sub("", line)
        found = _PINNED.fullmatch(stated)
        if found is None:
            reason = "must be name==version, with one version and no marker"
            raise ValueError(f"a line of its {REQUIREMENTS} {reason}, got '{stated}'")
        yield Requirement(*found.groups())


def check_installed(text: str) -> None:
    """Compare the requirements with what is installed here.

    Raises:
        ValueError: one is missing or has another version; the text names all of them.
    """
    wrong = [each for each in map(_difference, read_requirements(text)) if each]
    if wrong:
        advice = f"run pip install -r {REQUIREMENTS} where the model is packaged or served"
        raise ValueError(f"its {REQUIREMENTS} needs {'; '.join(wrong)}; {advice}")


def _difference(wanted: Requirement) -> str:
    pinned = f"{wanted.name}=={wanted.version}"
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return f"{pinned}, which is not installed"
    local = "+" in wanted.version
    plain = found if local else found.partition("+")[0]
    same = _ZEROS.sub("", plain) == _ZEROS.sub("", wanted.version)
    return "" if same else f"{pinned}, but {found} is installed"
