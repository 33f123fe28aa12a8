"""The stable code of each error: what a script compares, and what a person looks up."""

import re

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def code_of(kind: type[Exception]) -> str:
    """Return the code of a class of errors: its name in kebab case.

    A code is a promise, so a class of errors keeps its name.

    >>> class NothingLocked(Exception): ...
    >>> code_of(NothingLocked)
    'nothing-locked'
    """
    return _WORD.sub("-", kind.__name__).lower()
