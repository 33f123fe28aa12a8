"""A function in this very process: quick to start, easy to debug, the same on every system."""

import asyncio
import contextlib
import json
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lading.emulator.errors import FunctionFailed, FunctionTimedOut
from lading.emulator.function.interface import Configuration
from lading.emulator.processes.output import FunctionLog, FunctionThread
from lading.emulator.processes.turns import Turns

Handler = Callable[[dict[str, Any], Any], Any]
"""What `functions/*/lambda_handler.py` calls `handler`."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The second argument of a handler, as AWS's runtime client makes it."""

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    deadline: float
    function_version: str = "$LATEST"
    log_group_name: str = "/aws/lambda/emulator"
    log_stream_name: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_context: None = None
    identity: None = None

    def get_remaining_time_in_millis(self) -> int:
        """How long the invocation may still take."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class InProcessFunction:
    """One execution environment in a thread of its own.

    A thread cannot be ended from outside: one that takes too long is left to itself, and another
    one loads the handler anew. A handler that ends its process ends this one.

    Args:
        load: makes the handler, as importing its module does on Lambda; called in the thread.
        configuration: what the handler's context says.
        log: file to which the function's output is appended; None leaves it where it is.
    """

    def __init__(
        self,
        load: Callable[[], Handler],
        configuration: Configuration | None = None,
        log: Path | None = None,
    ) -> None:
        self._load = load
        self._configuration = configuration or Configuration()
        self._log = log
        self._environment: _Environment | None = None
        self._turns = Turns()
        self._open = contextlib.ExitStack()

    async def start(self) -> None:
        """Direct the function's output, and begin to load the handler."""
        if self._log:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            log = self._open.enter_context(self._log.open("a", encoding="utf-8", buffering=1))
            self._open.enter_context(FunctionLog(log))
        self._environment = _Environment(self._load)

    async def invoke(self, payload: bytes) -> bytes:
        """Answer one event; see `lading.emulator.function.interface.Function`."""
        return await self._turns.take(partial(self._answer, payload))

    async def _answer(self, payload: bytes) -> bytes:
        if self._environment is None:
            self._environment = _Environment(self._load)
        future = self._environment.submit(payload, self._context())
        if not await _settled(future, self._configuration.timeout):
            self._leave_environment()
            raise FunctionTimedOut(self._configuration.timeout)
        error = future.exception()
        if error is not None:
            raise FunctionFailed(f"{type(error).__name__}: {error}") from error
        return future.result()

    async def stop(self) -> None:
        """Let the thread end and give the output back."""
        self._leave_environment()
        self._open.close()

    def _leave_environment(self) -> None:
        if self._environment is not None:
            self._environment.end()
            self._environment = None

    def _context(self) -> LambdaContext:
        return LambdaContext(
            self._configuration.name,
            self._configuration.arn,
            str(self._configuration.memory),
            time.monotonic() + self._configuration.timeout,
        )


class _Environment:
    """A thread that loads the handler, then answers one event at a time.

    When loading failed, each event tries it anew, as on Lambda.
    """

    def __init__(self, load: Callable[[], Handler]) -> None:
        self._load = load
        self._events: SimpleQueue[tuple[bytes, LambdaContext, Future[bytes]] | None] = SimpleQueue()
        FunctionThread(target=self._run, name="function", daemon=True).start()

    def submit(self, payload: bytes, context: LambdaContext) -> Future[bytes]:
        future: Future[bytes] = Future()
        self._events.put((payload, context, future))
        return future

    def end(self) -> None:
        self._events.put(None)

    def _loaded(self) -> Handler | None:
        try:
            return self._load()
        except BaseException as error:  # noqa: BLE001 an event will tell it
            traceback.print_exception(error)
            return None

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)  # Mangum expects one
        handler = self._loaded()
        try:
            for payload, context, future in iter(self._events.get, None):
                try:
                    handler = handler or self._load()
                    future.set_result(_call(handler, payload, context))
                except BaseException as error:  # noqa: BLE001 even an exit fails one event only
                    traceback.print_exception(error)
                    future.set_exception(error)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _call(handler: Handler, payload: bytes, context: LambdaContext) -> bytes:
    """Call `handler` as AWS's runtime client does: JSON in, JSON or bytes out."""
    answer = handler(json.loads(payload), context)
    return answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()


async def _settled(future: Future[bytes], seconds: float) -> bool:
    """Wait for `future` without taking its result; False when the time is over first."""
    loop, settled = asyncio.get_running_loop(), asyncio.Event()

    def notify(_: Future[bytes]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits any more
            loop.call_soon_threadsafe(settled.set)

    future.add_done_callback(notify)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await settled.wait()
    return settled.is_set()
