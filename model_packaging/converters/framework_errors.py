"""The boundary to the frameworks: whatever their code raises becomes one error with one line."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.quiet import quiet

_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"^\[[\d:]+\] \S+:\d+: ")
"""The time and the line of C++ code with which XGBoost's messages begin."""


@contextmanager
def framework_errors(translate: Callable[[Exception], Exception]) -> Iterator[None]:
    """Raise what `translate` returns for any exception except Lading's own.

    The exceptions of frameworks, damaged files and user code share no base class.
    """
    try:
        yield
    except PackagingError:
        raise
    except Exception as error:
        raise translate(error) from error


def one_line(error: Exception) -> str:
    """Return an exception's text as one line without colors."""
    return " ".join(_COLORS.sub("", str(error)).split())


def first_line(error: Exception) -> str:
    """Return the first line of an exception's text; stack traces follow it in some libraries."""
    lines = [line.strip() for line in _COLORS.sub("", str(error)).splitlines() if line.strip()]
    return _PLACE.sub("", lines[0]) if lines else repr(error)


def refusing(model: Model, text_of: Callable[[Exception], str] = first_line) -> Model:
    """Return the original with ValueError as its only error, for requests that it refuses."""

    def call(inputs: dict[str, Array]) -> dict[str, Array]:
        with quiet(), framework_errors(lambda error: ValueError(text_of(error))):
            return model(inputs)

    return call
