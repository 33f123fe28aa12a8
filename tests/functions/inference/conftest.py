"""What tests of the Lambda handler need around it."""

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture
def loop() -> Iterator[None]:
    """An event loop of the thread's own, for which Mangum asks."""
    asyncio.set_event_loop(own := asyncio.new_event_loop())
    yield
    asyncio.set_event_loop(None)
    own.close()
