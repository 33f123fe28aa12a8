"""Responses as ASGI messages, whole ones and streamed ones."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from time import perf_counter

from lading.functions.inference.wire.asgi import Message, Receive, Send
from lading.functions.inference.wire.messages import Observation, Response, StreamedResponse


def start_message(response: Response | StreamedResponse, more: Mapping[str, str]) -> Message:
    """Return the message with the status and the headers, including `more`."""
    headers = {"content-type": response.content_type, **response.headers, **more}
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": [(key.encode(), value.encode("latin-1")) for key, value in headers.items()],
    }


async def send_stream(
    response: StreamedResponse,
    observation: Observation,
    receive: Receive,
    send: Send,
    executor: Executor | None,
) -> None:
    """Send the parts as they come, until there are no more or the client is gone.

    Args:
        response: what to send.
        observation: records when the first part was sent.
        receive: reports when the client is gone.
        send: sends a message.
        executor: threads that wait for parts; None waits in the event loop, whoever listens.
    """
    await send(start_message(response, {}))
    if executor is None:
        for part in response.parts:
            await _send_part(part, observation, send)
    else:
        await _send_while_heard(response, observation, receive, send, executor)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_while_heard(
    response: StreamedResponse,
    observation: Observation,
    receive: Receive,
    send: Send,
    executor: Executor,
) -> None:
    loop, parts = asyncio.get_running_loop(), response.parts
    gone = asyncio.ensure_future(disconnected(receive))
    coming: asyncio.Future[bytes | None] = loop.run_in_executor(executor, next, parts, None)
    try:
        while not gone.done() and (part := await asyncio.shield(coming)) is not None:
            coming = loop.run_in_executor(executor, next, parts, None)
            await _send_part(part, observation, send)
    finally:
        gone.cancel()
        await asyncio.wait([coming])  # a running generator cannot be closed
        await loop.run_in_executor(executor, parts.close)


async def _send_part(part: bytes, observation: Observation, send: Send) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})
    if observation.first_part is None:
        observation.first_part = perf_counter()


async def disconnected(receive: Receive) -> None:
    """Wait until the client is gone; its request has been read."""
    while (await receive())["type"] != "http.disconnect":
        """Ignore the rest of the request."""
