"""The environment of this process, as AWS's clients read it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def aws_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Replace the variables of AWS's clients by these while the block runs."""
    before = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    _replace(before, variables)
    try:
        yield
    finally:
        _replace(variables, before)


def _replace(old: Mapping[str, str], new: Mapping[str, str]) -> None:
    for key in old:
        os.environ.pop(key, None)
    os.environ.update(new)
