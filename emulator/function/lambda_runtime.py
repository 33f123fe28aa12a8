"""A function under AWS's own runtime client and runtime interface emulator, without Docker.

The emulator program serves Lambda's Invoke API on one port and the runtime's own API on another,
and starts `python -m awslambdaric <handler>` when it is first invoked. It starts that anew after a
crash, an exit or a timeout. Each of the two is bound to its parent (`processes.tether`), so that
nothing outlives this process: the program puts the runtime into a process group of its own, where
no signal to the program's group would reach it.
"""

import asyncio
import http.client
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lading.emulator.checkout import CODE
from lading.emulator.errors import FunctionFailed, FunctionTimedOut, RuntimeUnavailable
from lading.emulator.function.interface import Configuration
from lading.emulator.function.runtime_binary import runtime_binary
from lading.emulator.processes.ports import free_ports
from lading.emulator.processes.turns import Turns

_TETHER = str(Path(__file__).parents[1] / "processes" / "tether.py")
_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_TIMED_OUT = b"Task timed out after "
_OK = 200
_ATTEMPTS = 3
_START_SECONDS = 10.0
_STOP_SECONDS = 2.0
_GRACE_SECONDS = 3.0
"""The program ends what takes too long, to the whole second; past this we end the program."""


@dataclass(frozen=True, slots=True)
class Code:
    """What the runtime runs: a dotted handler, the folder it is found from, the interpreter."""

    folder: Path
    handler: str
    interpreter: Path = Path(sys.executable)


SERVICE = Code(CODE, "lading.functions.inference.entry.lambda_handler.handler")


class LambdaRuntimeFunction:
    """One execution environment: the emulator program and the runtime that it starts.

    Args:
        environment: variables of the function, as `Settings.to_environment` makes them.
        log: file to which the function and the program write.
        tools: folder of the program, fetched when it is missing.
        code: the handler.
        configuration: what the function is deployed with.
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
        self._turns = Turns()

    async def start(self) -> None:
        """Fetch the program if need be, start it, wait until it takes invocations."""
        ours = self._code.interpreter == Path(sys.executable)
        if ours and find_spec("awslambdaric") is None:
            raise RuntimeUnavailable(
                "AWS's Lambda runtime client is not installed; "
                "run pip install --require-hashes -r requirements/dev.txt"
            )
        binary = await asyncio.to_thread(runtime_binary, self._tools)
        self._binary = binary.resolve()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._running = await self._launch()

    async def invoke(self, payload: bytes) -> bytes:
        """Answer one event; see `lading.emulator.function.interface.Function`."""
        return await self._turns.take(partial(self._answer, payload))

    async def _answer(self, payload: bytes) -> bytes:
        program = await self._alive()
        try:
            status, answer = await asyncio.to_thread(self._post, program.port, payload)
        except TimeoutError:
            await self.stop()
            raise FunctionTimedOut(self._configuration.timeout) from None
        except (OSError, http.client.HTTPException) as error:
            await self.stop()
            raise FunctionFailed(f"its runtime is gone: {error}; see {self._log}") from error
        return self._read(status, answer)

    async def stop(self) -> None:
        """End the program, and with it the runtime."""
        running, self._running = self._running, None
        if running is not None:
            await running.end()

    async def _alive(self) -> "_Program":
        """The program, started anew when it has died."""
        if self._running is not None and self._running.process.poll() is None:
            return self._running
        await self.stop()
        try:
            self._running = await self._launch()
        except RuntimeUnavailable as error:
            raise FunctionFailed(str(error)) from error
        return self._running

    async def _launch(self) -> "_Program":
        for _ in range(_ATTEMPTS):  # another process may take a free port before the program does
            invoke_port, runtime_port = free_ports(2)
            program = _Program(invoke_port, self._spawn(invoke_port, runtime_port))
            if await program.ready():
                return program
            await program.end()
        raise RuntimeUnavailable("AWS's Lambda runtime emulator does not start", self._log)

    def _spawn(self, invoke_port: int, runtime_port: int) -> subprocess.Popen[bytes]:
        tether = [sys.executable, "-I", "-S", _TETHER]
        program = [str(self._binary), "--runtime-interface-emulator-address"]
        program += [f"127.0.0.1:{invoke_port}", "--runtime-api-address"]
        program += [f"127.0.0.1:{runtime_port}"]
        runtime = [str(self._code.interpreter), "-m", "awslambdaric", self._code.handler]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*tether, str(os.getpid()), *program, *tether, "0", *runtime],
                cwd=self._code.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _post(self, port: int, payload: bytes) -> tuple[int, bytes]:
        limit = self._configuration.timeout + _GRACE_SECONDS
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit)
        try:
            connection.request("POST", _INVOCATIONS, payload)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _read(self, status: int, answer: bytes) -> bytes:
        """The handler's answer; the program says 200 of an error and of a timeout as well."""
        if answer.startswith(_TIMED_OUT):
            raise FunctionTimedOut(self._configuration.timeout)
        if status != _OK or b'"errorType"' in answer:
            document = _parse(answer)
            if status != _OK or ("errorType" in document and "statusCode" not in document):
                kind = document.get("errorType", f"HTTP {status}")
                raise FunctionFailed(f"{kind}: {document.get('errorMessage', answer[:200])}")
        return answer


@dataclass
class _Program:
    """A running emulator program and the port on which it takes invocations."""

    port: int
    process: subprocess.Popen[bytes]

    async def ready(self) -> bool:
        """Wait until it listens; False when it exits or does not come to it."""
        for _ in range(int(_START_SECONDS / 0.02)):
            if self.process.poll() is not None:
                return False
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return True
        return False

    async def end(self) -> None:
        """Ask it to end, then make it; the runtime ends with it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, number)
                await self._exited()
        self.process.wait()

    async def _exited(self) -> None:
        for _ in range(int(_STOP_SECONDS / 0.02)):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(0.02)


def _system_environment(configuration: Configuration, code: Code) -> dict[str, str]:
    """What Lambda itself sets; nothing of this process's environment reaches the function."""
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
    }


def _parse(answer: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(answer)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
