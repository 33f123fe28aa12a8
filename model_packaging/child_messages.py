"""Reads what a child process says, without running what a model's file may have put there.

A child that is confined runs code that nobody trusts, and this code can write to the pipe of the
child's messages. `pickle` alone would run it again here, unconfined. So objects are made only of
values, arrays, errors, and records of ours, whose making does nothing else.
"""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from enum import Enum
from typing import IO, Any, Final

_OURS: Final = "lading."
_BUILTINS: Final = "builtins"
_OTHERS: Final = frozenset(
    [
        *((_BUILTINS, name) for name in ("bytearray", "complex", "frozenset", "set")),
        *(("pathlib", name) for name in ("Path", "PosixPath", "PurePosixPath")),
        *(("numpy", name) for name in ("dtype", "ndarray")),
        *(("numpy._core.multiarray", name) for name in ("_reconstruct", "scalar")),
        ("numpy._core.numeric", "_frombuffer"),
    ]
)
_DAMAGED: Final = (AttributeError, ImportError, LookupError, OverflowError, TypeError, ValueError)
"""What damaged or crafted messages raise, besides `UnpicklingError` and `EOFError`."""


def read_message(stream: IO[bytes]) -> Any:
    """Return the next message.

    Raises:
        EOFError: there is none.
        pickle.UnpicklingError: it is damaged, or has an object that messages do not have.
    """
    with _damaged():
        return _Reader(stream).load()


def is_kept(kind: type[BaseException]) -> bool:
    """Return whether a message may have an error of this class."""
    return kind.__module__ == _BUILTINS or kind.__module__.startswith(_OURS)


class _Reader(pickle.Unpickler):
    """An unpickler that knows few classes."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OTHERS:
            return super().find_class(module, name)
        if module == _BUILTINS or module.startswith(_OURS):
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module and _is_plain(found):
                return found
        raise pickle.UnpicklingError(f"a message must not have {module}.{name}")


def _is_plain(kind: type) -> bool:
    """Return whether making an object of the class only stores values."""
    return is_dataclass(kind) or issubclass(kind, (BaseException, Enum, tuple))


@contextmanager
def _damaged() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise pickle.UnpicklingError(str(error)) from error
