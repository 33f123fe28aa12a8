"""Responses as ASGI messages, whole ones and those that are sent as they are made."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from time import perf_counter

from lading.functions.inference.wire.asgi import Message, Receive, Send
from lading.functions.inference.wire.messages import Observation, Response, StreamedResponse


def start_message(response: Response | StreamedResponse, more: Mapping[str, str]) -> Message:
    """The message with the status and the headers, `more` among them."""
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
    """Send the parts as they come, until there are no more or nobody listens.

    Args:
        response: what to send.
        observation: learns when the first part went out.
        receive: tells when the client is gone.
        send: takes the messages.
        executor: where parts are waited for; None waits in the event loop, and looks for no client.
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
        await asyncio.wait([coming])  # a generator at work cannot be closed
        await loop.run_in_executor(executor, parts.close)


async def _send_part(part: bytes, observation: Observation, send: Send) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})
    if observation.first_part is None:
        observation.first_part = perf_counter()


async def disconnected(receive: Receive) -> None:
    """Wait until the client of a request, which has been read, is gone."""
    while (await receive())["type"] != "http.disconnect":
        """What is left of a request says nothing."""
