"""The boundary to the frameworks: every exception of their code becomes one error of one line."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.errors import ConversionError, PackagingError, SourceUnreadable
from lading.model_packaging.library_errors import translated_errors
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet

_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_PLACE = re.compile(r"^\[[\d:]+\] \S+:\d+: ")
"""The time and the line of C++ code with which XGBoost's messages begin."""


def framework_errors(translate: Callable[[Exception], Exception]) -> AbstractContextManager[None]:
    """Raise what `translate` returns for any exception except Lading's own.

    The exceptions of frameworks, damaged files and user code share no base class.
    """
    return translated_errors(translate, PackagingError)


def reading(spec: ModelSpec, reason: str) -> AbstractContextManager[None]:
    """Raise SourceUnreadable for this reason, with the text of the error, if a file is damaged."""

    def unreadable(error: Exception) -> SourceUnreadable:
        return SourceUnreadable(spec.name, spec.source, f"{reason}: {first_line(error)[:200]}")

    return framework_errors(unreadable)


def exporting(
    spec: ModelSpec, reason_of: Callable[[Exception], str]
) -> AbstractContextManager[None]:
    """Raise ConversionError, for the reason that `reason_of` returns, if an exporter fails."""
    return framework_errors(lambda error: ConversionError(spec.name, reason_of(error)))


def one_line(error: Exception) -> str:
    """Return an exception's text as one line without colors."""
    return " ".join(_COLORS.sub("", str(error)).split())


def first_line(error: Exception) -> str:
    """Return the first line of an exception's text, with its type if the text is only a word.

    Some libraries print a stack trace after it.
    """
    lines = [line.strip() for line in _COLORS.sub("", str(error)).splitlines() if line.strip()]
    text = _PLACE.sub("", lines[0]) if lines else ""
    return text if " " in text else f"{type(error).__name__} {text}".strip()


def refusing(model: Model, text_of: Callable[[Exception], str] = first_line) -> Model:
    """Return the original with ValueError as its only error, for requests that it refuses."""

    def call(inputs: dict[str, Array]) -> dict[str, Array]:
        with quiet(), framework_errors(lambda error: ValueError(text_of(error))):
            return model(inputs)

    return call
