"""Errors carry their facts and repeat only a little of what the caller sent."""

import re

import pytest

from lading.functions.contract import errors
from lading.functions.contract.errors import (
    InferenceError,
    InvalidInput,
    LabelNotFound,
    MethodNotAllowed,
    ModelNotFound,
    RefusedByEngine,
    RouteNotFound,
    UnexpectedInput,
    UnexpectedOutput,
    UnexpectedShape,
    VersionNotFound,
    brief,
)

LONG = "z" * 10**6


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput(LONG, "is wrong"),
        UnexpectedInput(LONG, ["x"]),
        UnexpectedOutput(LONG, ["y"]),
        UnexpectedShape(LONG, [1], [2]),
        ModelNotFound(LONG, ["m"]),
        LabelNotFound("m", LONG),
        RouteNotFound("GET", LONG),
        MethodNotAllowed("GET", LONG, ["POST"]),
        RefusedByEngine("m", 400, LONG),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_text_is_short_whatever_the_caller_sent(error: InferenceError) -> None:
    assert len(str(error)) < 300


def test_facts_stand_beside_the_text() -> None:
    shape = UnexpectedShape("x", [1, 3], [-1, 2])
    assert (shape.name, shape.reason[:6]) == ("x", "[1, 3]")
    version = VersionNotFound("m", 9, [1, 2])
    assert (version.name, version.version) == ("m", 9)
    assert str(version).endswith("served: 1, 2")
    assert MethodNotAllowed("GET", "/", ["PUT", "POST"]).allowed == ("POST", "PUT")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("m", "m"),
        ("\ud800", "\\ud800"),
        ("\u00e9", "\u00e9"),
        ("two\nlines", "two\nlines"),
        ("\x00\x1b[31m\x9b", "??[31m?"),
        ("\u4e2d" * 100, "\u4e2d" * 42 + "..."),
        ("\ud800" * 100, "\\ud800" * 21 + "\\u..."),
        ("m" * 128, "m" * 128),
    ],
    ids=range(8),
)
def test_what_a_log_or_a_terminal_cannot_hold_is_made_visible(text: str, shown: str) -> None:
    assert brief(text) == shown


def test_the_docstring_draws_the_branches_of_the_tree() -> None:
    branches = [kind.__name__ for kind in InferenceError.__subclasses__()]
    drawn = re.findall(r"^[├└]── (\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(branches)
