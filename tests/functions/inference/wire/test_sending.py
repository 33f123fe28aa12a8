"""Parts go out as they come, and nobody makes them for a client that is gone."""

import asyncio
from collections.abc import Generator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from lading.functions.inference.wire.asgi import Message
from lading.functions.inference.wire.messages import Observation, StreamedResponse
from lading.functions.inference.wire.sending import send_stream


class Parts:
    """Numbers without end or up to one, and whether their maker was closed."""

    def __init__(self, count: int) -> None:
        self.count, self.made, self.closed = count, 0, False

    def __call__(self) -> Generator[bytes, None, None]:
        try:
            while self.made != self.count:
                self.made += 1
                yield b"%d" % self.made
        finally:
            self.closed = True


def sent(parts: Parts, executor: Executor | None, heard: int = -1) -> tuple[list[Message], float]:
    """The messages of an exchange whose client is gone after `heard` parts."""
    messages: list[Message] = []
    observation = Observation()

    async def exchange() -> None:
        gone = asyncio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            messages.append(message)
            if len(messages) == heard + 1:
                gone.set()
                await asyncio.sleep(0)

        response = StreamedResponse(200, parts(), "text/event-stream", {"x-own": "1"})
        await send_stream(response, observation, receive, send, executor)

    asyncio.run(exchange())
    return messages, (observation.first_part or 0) - observation.started


@pytest.fixture(params=[False, True], ids=["loop", "threads"])
def executor(request: pytest.FixtureRequest) -> Generator[Executor | None, None, None]:
    with ThreadPoolExecutor(1) as threads:
        yield threads if request.param else None


def test_parts_are_sent_in_order_and_then_the_end(executor: Executor | None) -> None:
    parts = Parts(3)
    (start, *bodies), first_part = sent(parts, executor)
    assert (start["status"], start["headers"]) == (
        200,
        [(b"content-type", b"text/event-stream"), (b"x-own", b"1")],
    )
    assert [(it["body"], it["more_body"]) for it in bodies] == [
        (b"1", True),
        (b"2", True),
        (b"3", True),
        (b"", False),
    ]
    assert first_part > 0
    assert parts.closed


def test_a_stream_without_parts_has_an_end_and_no_first_part(executor: Executor | None) -> None:
    messages, first_part = sent(Parts(0), executor)
    assert [message.get("body") for message in messages] == [None, b""]
    assert first_part < 0


def test_for_a_client_that_is_gone_no_more_is_made() -> None:
    parts = Parts(-1)
    with ThreadPoolExecutor(1) as threads:
        sent(parts, threads, heard=5)
    assert parts.closed
    assert parts.made < 10
