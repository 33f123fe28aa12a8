"""A share of the requests also goes to another version, whose answers no caller sees.

The function sends the event on after it has answered, by an asynchronous invocation in another
thread: its caller waits only until the event is in a queue. Lambda may freeze the environment
meanwhile; then the event leaves with the next request, and the last ones of an environment are
lost, as are those for which the queue has no room. Both versions write class and score of their
answers to their logs under one request id, by which `lading compare --shadow` joins them.
Imported only where there is a shadow.
"""

import json
from collections.abc import Callable, Mapping
from queue import Full, Queue
from threading import Thread
from typing import Any, Final

from lading.functions.contract.invocation import lambda_client
from lading.functions.contract.settings import ShadowVersion
from lading.functions.inference.capture.sampling import is_drawn

MOST_WAITING: Final = 100
"""Events that wait to be sent; more are dropped."""
LONGEST_EVENT: Final = 256 * 1024
"""Characters of an event; Lambda refuses longer asynchronous ones."""
_TIME_LIMIT_S: Final = 10
_SECRETS: Final = frozenset({"authorization", "cookie", "x-api-key", "x-amz-security-token"})
_REQUEST_ID: Final = "x-request-id"
_OK: Final = 200

Event = Mapping[str, Any]
Send = Callable[[bytes], object]
"""Sends the bytes of one event to the shadow."""


class Shadow:
    """Sends a share of the answered requests to another version.

    Args:
        version: the function, and the share.
        connect: returns what sends an event; called once, in the thread that sends.
    """

    def __init__(
        self, version: ShadowVersion, connect: Callable[[ShadowVersion], Send] | None = None
    ) -> None:
        self._version, self._connect = version, connect or _sender
        self._waiting: Queue[Event] = Queue(MOST_WAITING)
        self._thread: Thread | None = None

    def offer(self, event: Event, answer: Mapping[str, Any]) -> None:
        """Take an answered request, if it is one of the share and a successful prediction."""
        if event.get("httpMethod") != "POST" or answer.get("statusCode") != _OK:
            return
        if not is_drawn(self._version.percent / 100):
            return
        if self._thread is None:  # not at start: a thread does not survive a snapshot
            self._thread = Thread(target=self._run, name="shadow", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(shadowed(event, _id_of(answer)))
        except Full:
            return  # a busy environment samples fewer

    def _run(self) -> None:
        send = self._connect(self._version)
        while True:
            document = json.dumps(self._waiting.get(), separators=(",", ":"))
            if len(document) <= LONGEST_EVENT:
                send(document.encode())
            self._waiting.task_done()


def shadowed(event: Event, request_id: str) -> dict[str, Any]:
    """Return the event for the shadow: with the request's id, and without its credentials."""
    found = {name: value for name, value in (event.get("headers") or {}).items() if _is_kept(name)}
    several = {
        name: values
        for name, values in (event.get("multiValueHeaders") or {}).items()
        if _is_kept(name)
    }
    known = {_REQUEST_ID: request_id}
    headers = {"headers": {**found, **known}}
    if several:
        headers["multiValueHeaders"] = {**several, _REQUEST_ID: [request_id]}
    context = {"requestId": request_id, "stage": event.get("requestContext", {}).get("stage", "")}
    return {**event, **headers, "requestContext": context}


def _is_kept(header: str) -> bool:
    return header.lower() not in _SECRETS and header.lower() != _REQUEST_ID


def _id_of(answer: Mapping[str, Any]) -> str:
    """Return the request's id, which the answer's headers have."""
    several = answer.get("multiValueHeaders") or {}
    headers = {**(answer.get("headers") or {}), **{name: it[0] for name, it in several.items()}}
    return next((str(headers[name]) for name in headers if name.lower() == _REQUEST_ID), "")


def _sender(version: ShadowVersion) -> Send:
    """Return what invokes the shadow's function, and drops what it refuses."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = lambda_client(_TIME_LIMIT_S)
    name, _, alias = version.function.partition(":")

    def send(payload: bytes) -> None:
        try:
            client.invoke(
                FunctionName=name, Qualifier=alias, InvocationType="Event", Payload=payload
            )
        except (BotoCoreError, ClientError) as error:
            print(json.dumps({"level": "WARNING", "message": "no shadow", "reason": str(error)}))  # noqa: T201

    return send
