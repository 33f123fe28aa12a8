"""A function in this process: quick to start, easy to debug, the same on every system."""

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
from typing import Any, TypeVar

from lading.emulator.errors import FunctionFailed, FunctionTimedOut
from lading.emulator.function.interface import Configuration
from lading.emulator.processes.output import FunctionThread, function_output
from lading.emulator.processes.turns import Turns

T = TypeVar("T")

Handler = Callable[[dict[str, Any], Any], Any]
"""The callable `handler` in `functions/*/lambda_handler.py`."""


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
        """Return the milliseconds until the invocation times out."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class InProcessFunction:
    """One execution environment in a separate thread.

    Python cannot end a thread from outside: one that exceeds the time limit is abandoned, and a new
    thread loads the handler again. A handler that ends its process ends this one.

    Args:
        load: returns the handler, as importing its module does on Lambda; called in the thread.
        configuration: the settings that the handler's context shows.
        log: file to which the function's output is appended; None does not redirect it.
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
        """Redirect the function's output, and begin to load the handler."""
        if self._log:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            log = self._open.enter_context(self._log.open("a", encoding="utf-8", buffering=1))
            self._open.enter_context(function_output(log))
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
        """Let the thread end, and restore the output."""
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

    After a failed load each event loads the handler again, as on Lambda.
    """

    def __init__(self, load: Callable[[], Handler]) -> None:
        self._load = load
        self._handler: Handler | None = None
        self._events: SimpleQueue[tuple[bytes, LambdaContext, Future[bytes]] | None] = SimpleQueue()
        FunctionThread(target=self._run, name="function", daemon=True).start()

    def submit(self, payload: bytes, context: LambdaContext) -> Future[bytes]:
        future: Future[bytes] = Future()
        self._events.put((payload, context, future))
        return future

    def end(self) -> None:
        self._events.put(None)

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)  # as in the main thread, which Lambda uses
        try:
            self._handler = _attempt(self._load, Future())
            for payload, context, future in iter(self._events.get, None):
                _attempt(partial(self._answer, payload, context), future)
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    def _answer(self, payload: bytes, context: LambdaContext) -> bytes:
        """Call the handler as AWS's runtime client does: JSON in, JSON or bytes out."""
        self._handler = self._handler or self._load()
        answer = self._handler(json.loads(payload), context)
        if isinstance(answer, bytes):
            return answer
        return json.dumps(answer, ensure_ascii=False).encode()


def _attempt(work: Callable[[], T], future: Future[T]) -> T | None:
    """Run `work` and settle `future`; print what it raises, and return None then."""
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 even an exit must fail one event only
        traceback.print_exception(error)
        future.set_exception(error)
        return None
    future.set_result(result)
    return result


async def _settled(future: Future[bytes], seconds: float) -> bool:
    """Wait for `future` without its result; return False when the time limit passes first."""
    loop, settled = asyncio.get_running_loop(), asyncio.Event()

    def notify(_: Future[bytes]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settled.set)

    future.add_done_callback(notify)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await settled.wait()
    return settled.is_set()
