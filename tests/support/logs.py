"""CloudWatch Logs for tests: FilterLogEvents on events that a test has put there, in pages."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lading.functions.inference.wire.asgi import Receive, Scope, Send

_PAGE = 50


@dataclass
class LogsApi:
    """An ASGI application: each group's events, and an error for every call."""

    groups: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    refusal: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def put(self, group: str, at_ms: int, message: str, stream: str = "s") -> None:
        event = {"timestamp": at_ms, "message": message, "logStreamName": stream}
        self.groups[group].append(event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":  # Lambda's configuration of a function without variables
            await _answer(send, 200, {})
            return
        request = json.loads((await receive())["body"])
        self.asked.append(request)
        missing = request["logGroupName"] not in self.groups
        code = self.refusal or ("ResourceNotFoundException" if missing else "")
        document = {"__type": code, "message": code} if code else self._page(request)
        await _answer(send, 400 if code else 200, document)

    def _page(self, request: Mapping[str, Any]) -> dict[str, Any]:
        start, end = request.get("startTime", 0), request.get("endTime", 1 << 62)
        found = [
            event
            for event in self.groups[request["logGroupName"]]
            if start <= event["timestamp"] <= end
            and _matches(request.get("filterPattern", ""), event["message"])
        ]
        first = int(request.get("nextToken", 0))
        page: dict[str, Any] = {"events": found[first : first + _PAGE]}
        if first + _PAGE < len(found):
            page["nextToken"] = str(first + _PAGE)
        return page


async def _answer(send: Send, status: int, document: Mapping[str, Any]) -> None:
    headers = [(b"content-type", b"application/x-amz-json-1.1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


def _matches(pattern: str, message: str) -> bool:
    """Either `{ $.message = "..." }`, which matches JSON lines only, or a quoted phrase."""
    if not pattern.startswith("{"):
        return pattern.strip('"') in message
    wanted = pattern.partition("=")[2].strip(' }"')
    return message.startswith("{") and json.loads(message).get("message") == wanted
