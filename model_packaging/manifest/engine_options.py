"""The options of engines: which values each accepts, and a clear error for others."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lading.model_packaging.errors import ManifestError, likely
from lading.model_packaging.manifest.models import ModelSpec

Value = bool | int | float | str

VARIABLE = "*"
"""The rule for every option in capitals: a variable of the container's environment."""

_INT32 = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class OptionRule:
    """The values that an option accepts; `wanted` describes them, to follow 'must be'."""

    wanted: str
    accepts: Callable[[Value], bool]
    withheld: bool = False


FLAG = OptionRule("true or false", lambda value: isinstance(value, bool))
SHARE = OptionRule(
    "a number above 0, up to 1", lambda value: type(value) in (int, float) and 0 < float(value) <= 1
)
TEXT = OptionRule("one line of text", lambda value: isinstance(value, str) and value.isprintable())
WORD = OptionRule(
    "a word", lambda value: isinstance(value, str) and bool(re.fullmatch(r"[\w./:-]{1,256}", value))
)


def whole(low: int = 1, high: int = _INT32, *words: str) -> OptionRule:
    """Accept a whole number from `low` to `high`, or one of a few words."""
    numbers = f"a whole number from {low} to {high}"
    wanted = " or ".join((numbers, *(f"'{word}'" for word in words)))
    return OptionRule(
        wanted, lambda value: value in words or (type(value) is int and low <= value <= high)
    )


def one_of(*words: str) -> OptionRule:
    """Accept one of a few words."""
    return OptionRule(" or ".join(f"'{word}'" for word in words), lambda value: value in words)


def withheld(reason: str) -> OptionRule:
    """Accept nothing: the engine has this option, but Lading does not offer it."""
    return OptionRule(f"left out: {reason}", lambda _: False, withheld=True)


def check_options(spec: ModelSpec, rules: Mapping[str, OptionRule]) -> dict[str, Value]:
    """Return the engine's options of a model, in the order of their names.

    Raises:
        ManifestError: an option is unknown or has an invalid value; with its line.
    """
    given = spec.engine.options if spec.engine else {}
    for key, value in given.items():
        place = spec.place(f"engine.options.{key}")
        rule = rules.get(VARIABLE if is_variable(key) else key)
        if rule is None:
            known = [each for each, it in rules.items() if not it.withheld]
            guess = likely(key, known)
            listed = "" if guess else f"; the options are {', '.join(known)}"
            raise ManifestError(place, f"unknown option{listed}", guess)
        if not rule.accepts(value):
            raise ManifestError(place, f"must be {rule.wanted}, not {value!r}")
    return dict(sorted(given.items()))


def is_variable(key: str) -> bool:
    """Return whether an option's name is that of an environment variable."""
    return bool(re.fullmatch(r"[A-Z][A-Z0-9_]*", key))
