"""The boundary to libraries that raise any exception: their errors in one form.

Exporters, quantizers and unpicklers run code of many origins, whose errors share no base class.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


class LibraryFailed(Exception):
    """A library raised an error: the text is its first line, `__cause__` the error itself."""


@contextmanager
def translated_errors(
    translate: Callable[[Exception], Exception], *passing: type[Exception]
) -> Iterator[None]:
    """Raise what `translate` returns for any exception; errors of `passing` types pass."""
    try:
        yield
    except passing:
        raise
    except Exception as error:
        raise translate(error) from error


def library_errors(*passing: type[Exception]) -> AbstractContextManager[None]:
    """Raise LibraryFailed for any exception of a library; errors of these types pass unchanged."""
    return translated_errors(lambda error: LibraryFailed(first_line(error)), *passing)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, or the name of its type where it has no text."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
