"""A function under AWS's own runtime client and runtime interface emulator, without Docker.

The emulator program serves Lambda's Invoke API on one port and the Runtime API on another. At the
first invocation it starts `python -m awslambdaric <handler>`, and again after a crash, an exit or a
timeout. It puts that runtime into another process group, where no signal to its own group arrives;
so both processes are bound to their parents (`processes/tether.py`).
"""

import asyncio
import contextlib
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path

from lading.emulator.checkout import CODE
from lading.emulator.errors import (
    ExchangeBroken,
    FunctionFailed,
    FunctionTimedOut,
    RuntimeUnavailable,
)
from lading.emulator.function.interface import Configuration
from lading.emulator.function.managed_folders import require_namespace, with_folders
from lading.emulator.function.runtime_binary import runtime_binary
from lading.emulator.processes.child import Child, tether
from lading.emulator.processes.http_exchange import Address, exchange
from lading.emulator.processes.json_object import json_object
from lading.emulator.processes.ports import free_ports
from lading.emulator.processes.turns import Turns
from lading.functions.contract.names import MANAGED

_HOST = "127.0.0.1"
_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_TIMED_OUT = b"Task timed out after "
_NONE_READY = b'"Runtime.Unavailable"'
"""In the answer while no process of the handler is idle; they start one after the other."""
_BROKEN = b'{"errorType":"Runtime.'
"""Start of an answer, with status 200, while an environment for several requests at once ends."""
_POLL_SECONDS = 0.02
_ATTEMPTS = 3
_START_SECONDS = 10.0
_STOP_SECONDS = 2.0
_GRACE_SECONDS = 3.0
"""The program itself enforces the timeout, in whole seconds; past this time we end the program."""


@dataclass(frozen=True, slots=True)
class Code:
    """The code for the runtime: a dotted handler, the folder to import it from, the interpreter.

    `module` is what the environment starts: the runtime itself, or what starts it.
    """

    folder: Path
    handler: str
    interpreter: Path = Path(sys.executable)
    module: str = "awslambdaric"


_Program = tuple[Child, Address]
"""The emulator program, and where it takes invocations."""

SERVICE = Code(CODE, "lading.functions.inference.entry.lambda_handler.handler")


class LambdaRuntimeFunction:
    """One execution environment: the emulator program and the runtime that it starts.

    Args:
        environment: the function's variables, as `ServingSettings.to_environment` makes them.
        log: file to which the function and the program write.
        tools: folder of the program, which is downloaded when it is missing.
        code: the handler.
        configuration: the settings with which the function is deployed.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        log: Path,
        tools: Path = Path(".lading/tools"),
        code: Code = SERVICE,
        configuration: Configuration | None = None,
    ) -> None:
        self._configuration = configuration or Configuration()
        self._environment = {**_system_environment(self._configuration, code), **environment}
        self._log, self._tools, self._code = log, tools, code
        self._running: _Program | None = None
        self._changing = asyncio.Lock()
        self._turns = Turns(self._configuration.concurrency or 1)

    async def start(self) -> None:
        """Download the program if needed, start it, and wait until it accepts invocations."""
        is_own = self._code.interpreter == Path(sys.executable)
        if is_own and find_spec("awslambdaric") is None:
            raise RuntimeUnavailable(
                "AWS's Lambda runtime client is not installed; "
                "run pip install --require-hashes -r requirements/dev.txt"
            )
        if self._configuration.concurrency is not None:
            await asyncio.to_thread(require_namespace)
        binary = await asyncio.to_thread(runtime_binary, self._tools)
        self._binary = binary.resolve()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        async with self._changing:
            self._running = await self._launch()

    async def invoke(self, payload: bytes) -> bytes:
        """Answer one event; see `lading.emulator.function.interface.Function`."""
        return await self._turns.take(partial(self._answer, payload))

    async def _answer(self, payload: bytes) -> bytes:
        program = await self._program()
        limit = self._configuration.timeout + _GRACE_SECONDS
        try:
            async with asyncio.timeout(limit):
                return await self._ask(program, payload)
        except TimeoutError:
            await self._discard(program)
            raise FunctionTimedOut(self._configuration.timeout) from None
        except ExchangeBroken as error:
            await self._discard(program)
            raise FunctionFailed(f"its runtime ended: {error}", self._log) from error

    async def _ask(self, program: _Program, payload: bytes) -> bytes:
        """Return the answer; wait while fewer processes are ready than requests come at once."""
        while True:
            async with exchange(program[1], "POST", _INVOCATIONS, {}, payload) as reply:
                status, answer = reply.status, await reply.body()
            answered = status == HTTPStatus.OK and not answer.startswith(_BROKEN)
            if answered or self._configuration.concurrency is None:
                return self._read(status, answer)
            if _NONE_READY not in answer:  # the environment is broken, and answers so for a while
                await self._discard(program)
                return self._read(status, answer)
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """End the program, and with it the runtime."""
        async with self._changing:
            await self._end()

    async def _program(self) -> _Program:
        """Return the program, after a restart if it has ended."""
        async with self._changing:
            if self._running is None or self._running[0].ended:
                await self._end()
                try:
                    self._running = await self._launch()
                except RuntimeUnavailable as error:
                    raise FunctionFailed(str(error)) from error
            return self._running

    async def _discard(self, program: _Program) -> None:
        """End a broken program; one that another request has started meanwhile stays."""
        async with self._changing:
            if self._running is program:
                await self._end()

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await asyncio.to_thread(running[0].end, _STOP_SECONDS)

    async def _launch(self) -> _Program:
        for _ in range(_ATTEMPTS):  # another process may take a free port before the program does
            invoke_port, runtime_port = free_ports(2)
            program, address = self._spawn(invoke_port, runtime_port), Address(_HOST, invoke_port)
            if await program.ready(partial(_accepts, address), _START_SECONDS):
                return program, address
            await asyncio.to_thread(program.end, _STOP_SECONDS)
        raise RuntimeUnavailable("AWS's Lambda runtime emulator does not start", self._log)

    def _spawn(self, invoke_port: int, runtime_port: int) -> Child:
        program = [str(self._binary), "--runtime-interface-emulator-address"]
        program += [f"{_HOST}:{invoke_port}", "--runtime-api-address", f"{_HOST}:{runtime_port}"]
        runtime = [str(self._code.interpreter), "-m", self._code.module, self._code.handler]
        return Child(
            self._command(program, [*tether(0), *runtime]),
            environment=self._environment,
            folder=self._code.folder,
            log=self._log,
        )

    def _command(self, program: list[str], runtime: list[str]) -> list[str]:
        if self._configuration.concurrency is None:
            return [*program, *runtime]
        scratch = self._log.parent.absolute() / f"{self._log.stem}-folders"
        scratch.mkdir(parents=True, exist_ok=True)
        return with_folders(scratch, program, runtime)

    def _read(self, status: int, answer: bytes) -> bytes:
        """Return the handler's answer; the program answers 200 also for errors and timeouts."""
        if answer.startswith(_TIMED_OUT):
            raise FunctionTimedOut(self._configuration.timeout)
        if status != HTTPStatus.OK or b'"errorType"' in answer:
            document = json_object(answer)
            if status != HTTPStatus.OK or (
                "errorType" in document and "statusCode" not in document
            ):
                kind = document.get("errorType", f"HTTP {status}")
                raise FunctionFailed(f"{kind}: {document.get('errorMessage', answer[:200])}")
        return answer


async def _accepts(address: Address) -> bool:
    """Return whether the program accepts connections."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.close()
        return True
    return False


def _system_environment(configuration: Configuration, code: Code) -> dict[str, str]:
    """Return the variables that Lambda itself sets; the function inherits none of this process."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": str(code.folder),
        "LAMBDA_TASK_ROOT": str(code.folder),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(math.ceil(configuration.timeout)),
        **_at_once(configuration),
    }


def _at_once(configuration: Configuration) -> dict[str, str]:
    """Return the variable that makes the runtime start several processes of the handler."""
    number = configuration.concurrency
    return {} if number is None else {MANAGED.at_once: str(number)}
