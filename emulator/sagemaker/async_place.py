"""The place in S3 where an asynchronous endpoint writes its answers and failures."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from lading.emulator.cloud.s3_objects import S3Objects


class Objects(Protocol):
    """The storage of requests and answers."""

    def read(self, address: str) -> bytes:
        """Return an object's content.

        Raises:
            OSError: it cannot be read.
        """

    def write(self, address: str, content: bytes, content_type: str) -> None:
        """Write an object.

        Raises:
            OSError: it cannot be written.
        """


@dataclass
class AsyncPlace:
    """The addresses of answers and failures, and the work that writes them.

    Args:
        answers: `s3://bucket/prefix` of answers.
        failures: `s3://bucket/prefix` of failures.
        objects: the storage.
    """

    answers: str
    failures: str
    objects: Objects = field(default_factory=S3Objects)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work in the background."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Cancel the unfinished work."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
