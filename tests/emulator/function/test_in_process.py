import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lading.emulator.errors import FunctionFailed, FunctionTimedOut
from lading.emulator.function.in_process import Handler, InProcessFunction
from lading.emulator.function.interface import Configuration
from lading.emulator.gateway.event import HttpRequest, RequestIds, build_event
from lading.functions.inference.entry.handler import create_handler
from tests.support.worlds import settings_for, times


def predict_event(body: bytes) -> dict[str, Any]:
    headers = (("content-type", "application/json"),)
    request = HttpRequest("POST", "/double/predict", "", headers, body)
    return build_event(request, RequestIds())


def invoke(function: InProcessFunction, *events: Any) -> list[Any]:
    """Start, invoke with each event in turn, stop; an answer or an error for each."""

    async def session() -> list[Any]:
        await function.start()
        answers = [await outcome(event) for event in events]
        await function.stop()
        return answers

    async def outcome(event: Any) -> Any:
        try:
            return json.loads(await function.invoke(json.dumps(event).encode()))
        except (FunctionFailed, FunctionTimedOut) as error:
            return error

    return asyncio.run(session())


def function(handler: Handler, timeout: float = 5.0, **more: Any) -> InProcessFunction:
    return InProcessFunction(lambda: handler, Configuration(timeout=timeout), **more)


def test_answers_what_the_handler_returns() -> None:
    assert invoke(function(lambda event, _: {"got": event}), {"a": 1}) == [{"got": {"a": 1}}]


def test_handler_has_an_event_loop_in_its_thread() -> None:
    def handler(_: Any, __: Any) -> Any:
        return asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, "slept"))

    assert invoke(function(handler), {}, {}) == ["slept", "slept"]


def test_handler_is_loaded_once_and_called_in_one_thread() -> None:
    loads = []

    def load() -> Handler:
        loads.append(1)
        return lambda _, __: threading.current_thread().ident

    first, second = invoke(InProcessFunction(load), {}, {})
    assert first == second != threading.get_ident()
    assert loads == [1]


def test_context_says_what_the_function_is_and_how_long_it_has() -> None:
    def handler(_: Any, context: Any) -> Any:
        return [
            context.function_name,
            context.invoked_function_arn,
            context.memory_limit_in_mb,
            context.get_remaining_time_in_millis(),
            context.aws_request_id,
        ]

    (first, second) = invoke(function(handler, timeout=3), {}, {})
    assert first[:3] == ["lading", "arn:aws:lambda:us-east-1:000000000000:function:lading", "1769"]
    assert 2000 < first[3] <= 3000
    assert first[4] != second[4]


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(2), KeyboardInterrupt()])
def test_whatever_the_handler_raises_fails_one_invocation(error: BaseException) -> None:
    def handler(event: Any, _: Any) -> Any:
        if event:
            raise error
        return "fine"

    failed, fine = invoke(function(handler), {"fail": 1}, {})
    assert str(failed) == f"{type(error).__name__}: {error}"
    assert fine == "fine"


def test_answer_that_json_cannot_hold_fails() -> None:
    (failed,) = invoke(function(lambda _, __: {1, 2}), {})
    assert isinstance(failed, FunctionFailed)


def test_handler_that_does_not_load_is_tried_anew() -> None:
    attempts: list[int] = []

    def load() -> Handler:
        attempts.append(1)
        if len(attempts) <= 2:  # at the start, and for the first event
            raise ImportError("no such module")
        return lambda _, __: "loaded"

    failed, loaded = invoke(InProcessFunction(load), {}, {})
    assert str(failed) == "ImportError: no such module"
    assert loaded == "loaded"


def test_handler_that_takes_too_long_is_left_behind_for_a_fresh_one() -> None:
    threads: set[int] = set()
    over = threading.Event()

    def handler(event: Any, _: Any) -> Any:
        threads.add(threading.get_ident())
        if event["waits"]:
            over.wait()
        return "awake"

    slow, quick = invoke(function(handler, timeout=1), {"waits": True}, {"waits": False})
    over.set()
    assert isinstance(slow, FunctionTimedOut)
    assert slow.seconds == 1
    assert quick == "awake"
    assert len(threads) == 2


def test_one_event_is_answered_at_a_time() -> None:
    busy = threading.Lock()

    def handler(_: Any, __: Any) -> Any:
        with_turn = busy.acquire(blocking=False)
        time.sleep(0.02)
        busy.release()
        return with_turn

    async def session() -> list[bytes]:
        one = function(handler)
        answers = await asyncio.gather(*(one.invoke(b"{}") for _ in range(5)))
        await one.stop()
        return answers

    assert asyncio.run(session()) == [b"true"] * 5


def test_output_and_tracebacks_go_to_the_log(tmp_path: Path, capsys: Any) -> None:
    def handler(event: Any, _: Any) -> Any:
        print("from the handler")  # noqa: T201 what is tested
        raise ValueError("in the log")

    log = tmp_path / "logs" / "function.log"
    invoke(function(handler, log=log), {})
    assert "from the handler\n" in log.read_text()
    assert "ValueError: in the log" in log.read_text()
    assert capsys.readouterr() == ("", "")


def test_the_service_answers_from_its_settings(tmp_path: Path, capsys: Any) -> None:
    settings = settings_for(tmp_path, {"double": {1: times(2)}})
    service = InProcessFunction(lambda: create_handler(settings), log=tmp_path / "log")
    (answer,) = invoke(service, predict_event(b'{"inputs": [[1, 2]]}'))
    assert answer["statusCode"] == 200, answer
    assert "[2.0,4.0]" in answer["body"].replace(" ", "")
    assert '"message":"request"' in (tmp_path / "log").read_text()
    assert '"_aws"' in (tmp_path / "log").read_text()
    assert capsys.readouterr() == ("", "")
