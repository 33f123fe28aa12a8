"""Keeps TensorFlow's warnings from failing tests."""

from collections.abc import Iterator

import pytest

from lading.model_packaging.quiet import quiet


@pytest.fixture(autouse=True)
def _without_its_warnings() -> Iterator[None]:
    with quiet():
        yield
