"""What is fuzzed: a function that takes any bytes, and fails only when we have a fault."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

Attempt = Callable[[bytes], object]
"""Gives bytes to a reader. It returns, whatever they are; what it raises is a fault of ours."""


class Target(NamedTuple):
    """One reader of what callers, stores or repositories hand us.

    Args:
        name: its name on the command line, and of its folder of kept inputs.
        opened: makes its world, and yields the attempt.
        seeds: inputs that the reader accepts, from which others are made.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Attempt]]
    seeds: Callable[[], Iterable[bytes]]
