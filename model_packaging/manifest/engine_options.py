"""An engine's options: what each may be, and a clear error when it is not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lading.model_packaging.errors import ManifestError, likely
from lading.model_packaging.manifest.models import ModelSpec

Value = bool | int | float | str

VARIABLE = "*"
"""The rule of every option in capitals: a variable of the container's environment."""

_INT32 = (1 << 31) - 1


class OptionRule(Protocol):
    """What an option may be."""

    @property
    def wanted(self) -> str:
        """In words, to follow 'must be'."""

    def takes(self, value: Value) -> bool:
        """Whether the option may have this value."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`, or one of a few words."""

    low: int = 1
    high: int = _INT32
    words: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """See `OptionRule.wanted`."""
        numbers = f"a whole number from {self.low} to {self.high}"
        return " or ".join((numbers, *(f"'{word}'" for word in self.words)))

    def takes(self, value: Value) -> bool:
        """See `OptionRule.takes`."""
        if isinstance(value, str):
            return value in self.words
        return isinstance(value, int) and type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Share:
    """A number above 0, up to 1."""

    wanted: str = "a number above 0, up to 1"

    def takes(self, value: Value) -> bool:
        """See `OptionRule.takes`."""
        return type(value) in (int, float) and 0 < float(value) <= 1


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    wanted: str = "true or false"

    def takes(self, value: Value) -> bool:
        """See `OptionRule.takes`."""
        return isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words; any plain word when there are none."""

    words: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """See `OptionRule.wanted`."""
        return " or ".join(f"'{word}'" for word in self.words) or "a word"

    def takes(self, value: Value) -> bool:
        """See `OptionRule.takes`."""
        if not isinstance(value, str):
            return False
        return value in self.words if self.words else bool(re.fullmatch(r"[\w./:-]{1,256}", value))


@dataclass(frozen=True, slots=True)
class Text:
    """Any one line."""

    wanted: str = "one line of text"

    def takes(self, value: Value) -> bool:
        """See `OptionRule.takes`."""
        return isinstance(value, str) and value.isprintable()


@dataclass(frozen=True, slots=True)
class WithheldOption:
    """An option that the engine has and Lading does not give."""

    reason: str

    @property
    def wanted(self) -> str:
        """See `OptionRule.wanted`."""
        return f"left out: {self.reason}"

    def takes(self, value: Value) -> bool:  # noqa: ARG002 - none at all
        """See `OptionRule.takes`."""
        return False


def check_options(spec: ModelSpec, rules: Mapping[str, OptionRule]) -> dict[str, Value]:
    """The engine's options of a model, in the order of their names.

    Raises:
        ManifestError: one is unknown or cannot be what it is, with its line.
    """
    given = spec.engine.options if spec.engine else {}
    for key, value in given.items():
        place = spec.place(f"engine.options.{key}")
        rule = rules.get(VARIABLE if is_variable(key) else key)
        if rule is None:
            known = [each for each, it in rules.items() if not isinstance(it, WithheldOption)]
            guess = likely(key, known)
            listed = "" if guess else f"; there are {', '.join(known)}"
            raise ManifestError(place, f"unknown option{listed}", guess)
        if not rule.takes(value):
            raise ManifestError(place, f"must be {rule.wanted}, not {value!r}")
    return dict(sorted(given.items()))


def is_variable(key: str) -> bool:
    """Whether an option's name is that of an environment variable."""
    return bool(re.fullmatch(r"[A-Z][A-Z0-9_]*", key))
