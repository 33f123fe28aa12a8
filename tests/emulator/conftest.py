from collections.abc import Iterator

import pytest

from tests.emulator.harness import Served, in_process, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The gateway around the tests' handler, in this process."""
    with serving(in_process()) as emulator:
        yield emulator
