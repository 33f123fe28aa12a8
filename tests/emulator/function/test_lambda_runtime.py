import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lading.emulator.errors import FunctionFailed
from lading.emulator.function.lambda_runtime import Code, LambdaRuntimeFunction
from tests.emulator.harness import LINUX_ONLY, ROOT, TOOLS, Served, ends, serving, under_lambda
from tests.support.waiting import until

pytestmark = LINUX_ONLY

SERVE = """
    import sys
    from pathlib import Path
    from tests.emulator.harness import serve, under_lambda

    serve(under_lambda(Path(sys.argv[1])), on_ready=lambda port: print(port, flush=True))
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "function.log"


@pytest.fixture(scope="module")
def served(log: Path) -> Iterator[Served]:
    with serving(under_lambda(log, GREETING="hello")) as emulator:
        yield emulator


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def pid_of_runtime(served: Served) -> int:
    return int(served.client.get("/pid").text)


def test_function_has_lambdas_environment_and_its_own_and_none_of_ours(served: Served) -> None:
    environment = served.client.get("/environment").json()
    assert environment["GREETING"] == "hello"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "lading"
    assert environment["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    assert "HOME" not in environment


def test_function_writes_to_its_log(served: Served, log: Path) -> None:
    served.client.get("/print/something")
    until(lambda: "printed something\n" in log.read_text())


def test_function_that_kills_its_process_is_a_502_and_the_next_request_has_a_fresh_one(
    served: Served,
) -> None:
    before = pid_of_runtime(served)
    response = served.client.get("/die")
    assert response.status_code == 502
    assert response.content == b'{"message": "Internal server error"}'
    assert "exit status 4" in served.accesses[-1].reason
    assert pid_of_runtime(served) != before


def test_killed_program_is_a_502_and_the_next_request_has_a_fresh_one(served: Served) -> None:
    runtime = pid_of_runtime(served)
    program = parent_of(runtime)
    os.kill(program, signal.SIGKILL)
    assert served.client.get("/letters/3").status_code in {200, 502}
    assert served.client.get("/letters/3").text == "xxx"
    assert ends(runtime)


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    with serving(under_lambda(tmp_path / "log")) as served:
        runtime = pid_of_runtime(served)
        program = parent_of(runtime)
    assert ends(runtime)
    assert ends(program)


@contextlib.contextmanager
def serving_process(log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves, and its address."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVE), str(log)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process, f"http://127.0.0.1:{int(process.stdout.readline())}"


def test_kill_9_of_the_server_leaves_no_process_even_in_the_middle_of_a_request(
    tmp_path: Path,
) -> None:
    with serving_process(tmp_path / "log") as (server, address):
        runtime = int(httpx.get(f"{address}/pid", timeout=30).text)
        program = parent_of(runtime)
        with contextlib.suppress(httpx.TimeoutException):
            httpx.get(f"{address}/sleep/20", timeout=0.3)
        server.kill()
    assert ends(program)
    assert ends(runtime)


def test_interrupt_ends_the_server_and_its_runtime(tmp_path: Path) -> None:
    with serving_process(tmp_path / "log") as (server, address):
        runtime = int(httpx.get(f"{address}/pid", timeout=30).text)
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    assert ends(runtime)


def test_handler_that_cannot_be_imported_fails_each_invocation(tmp_path: Path) -> None:
    function = LambdaRuntimeFunction(
        {}, log=tmp_path / "log", tools=TOOLS, code=Code(ROOT, "no_such.handler")
    )

    async def session() -> None:
        await function.start()
        try:
            for _ in range(2):
                with pytest.raises(FunctionFailed, match="No module named 'no_such'"):
                    await function.invoke(b"{}")
        finally:
            await function.stop()

    asyncio.run(session())
