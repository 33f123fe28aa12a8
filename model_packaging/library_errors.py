"""The boundary to libraries that raise any exception: their errors in one form.

Exporters, quantizers and unpicklers run code of many origins, whose errors share no base class.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class LibraryFailed(Exception):
    """A library raised an error: the text is its first line, `__cause__` the error itself."""


@contextmanager
def library_errors(*passing: type[Exception]) -> Iterator[None]:
    """Raise LibraryFailed for any exception of a library; errors of these types pass unchanged."""
    try:
        yield
    except passing:
        raise
    except Exception as error:
        raise LibraryFailed(first_line(error)) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, or the name of its type where it has no text."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
