"""SageMaker as a server in this process that says what a test tells it to say, to real boto3.

Wire forms are those of botocore's own models: REST-JSON for `sagemaker-runtime` with event streams
(https://smithy.io/2.0/aws/amazon-eventstream.html), JSON 1.1 for the control plane.
"""

import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.s3 import aws


@dataclass(frozen=True)
class Asked:
    """One request that reached SageMaker."""

    path: str
    headers: Mapping[str, str]
    body: bytes


_FUNCTIONS = "/2015-03-31/functions/"

Reply = Callable[["_Handler", Asked], None]


@dataclass
class SageMaker:
    """What is said next, and what was asked; the last reply is repeated."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    described: dict[str, Any] = field(default_factory=dict)
    """Operation of the control plane -> its answer."""
    functions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    """`name:alias` -> what answers an event; Lambda is at the same address."""
    asked: list[Asked] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when a stream's reader went away."""

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def answer(body: bytes, content_type: str = "application/json") -> Reply:
    return lambda handler, asked: handler.say(200, body, {"Content-Type": content_type})


def computed(compute: Callable[[Asked], tuple[bytes, str]]) -> Reply:
    """An answer made of the request: its body and content type."""

    def reply(handler: "_Handler", asked: Asked) -> None:
        body, content_type = compute(asked)
        handler.say(200, body, {"Content-Type": content_type})

    return reply


def refusal(status: int, code: str, message: str = "", **fields: Any) -> Reply:
    body = json.dumps({"Message": message, **fields}).encode()
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return lambda handler, asked: handler.say(status, body, headers)


COLD = refusal(400, "ValidationError", "has no capacity to process this request")
"""An endpoint that scaled to zero."""
MISSING = refusal(400, "ValidationError", "Endpoint e of account 1 not found.")


def model_error(status: int, message: str) -> Reply:
    """The container's own answer, as SageMaker reports it."""
    text = f'Received error ({status}) from primary with message "{message}".'
    return refusal(424, "ModelError", text, OriginalStatusCode=status, OriginalMessage=message)


def silence(seconds: float) -> Reply:
    def reply(handler: "_Handler", asked: Asked) -> None:
        handler.owner_stopping.wait(seconds)

    return reply


def hang_up() -> Reply:
    return lambda handler, asked: handler.hang_up()


def stream(parts: Sequence[bytes], ends: bytes | None = b"", pause_s: float = 0) -> Reply:
    """`parts`, then `ends`: an event (see `stream_error`), or None for a connection that breaks."""

    def reply(handler: "_Handler", asked: Asked) -> None:
        handler.start_stream()
        try:
            for part in parts:
                handler.chunk(event({":event-type": "PayloadPart"}, part))
                handler.owner_stopping.wait(pause_s)
            if ends is None:
                handler.close_connection = True
                return
            handler.chunk(ends)
            handler.chunk(b"")
        except OSError:
            handler.owner.stopped.set()

    return reply


def stream_error(code: str, message: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": "ModelStreamError"}
    return event(headers, json.dumps({"Message": message, "ErrorCode": code}).encode())


def event(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an event stream."""
    said = {":message-type": "event", ":content-type": "application/octet-stream", **headers}
    head = b"".join(map(_header, said, said.values()))
    length = len(head) + len(payload) + 16
    prelude = length.to_bytes(4, "big") + len(head).to_bytes(4, "big")
    message = prelude + zlib.crc32(prelude).to_bytes(4, "big") + head + payload
    return message + zlib.crc32(message).to_bytes(4, "big")


def _header(name: str, value: str) -> bytes:
    """A header of a message; 7 is the type of strings."""
    text = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + len(text).to_bytes(2, "big") + text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: SageMaker
    owner_stopping: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        target = self.headers.get("x-amz-target")
        if target:
            self._describe(target.rpartition(".")[2])
            return
        if self.path.startswith(_FUNCTIONS):
            self._invoke(body)
            return
        asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.owner.asked.append(asked)
        self.owner.next_reply()(self, asked)

    def _invoke(self, body: bytes) -> None:
        name, _, alias = self.path.removeprefix(_FUNCTIONS).partition("/invocations?Qualifier=")
        function = self.owner.functions.get(f"{name}:{alias}")
        if function is None:
            missing = {"Content-Type": "application/json", "x-amzn-ErrorType": "ResourceNotFound"}
            self.say(404, b"{}", missing)
            return
        self.say(200, json.dumps(function(json.loads(body))).encode(), {})

    def _describe(self, operation: str) -> None:
        found = self.owner.described.get(operation)
        body = found or {"__type": "AccessDeniedException", "message": "not allowed"}
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        self.say(400 if "__type" in body else 200, json.dumps(body).encode(), headers)

    def say(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def start_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the name that it has
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is what some tests are about."""


@contextmanager
def running(*replies: Reply, **described: Any) -> Iterator[SageMaker]:
    """A SageMaker to which this process's AWS variables lead."""
    stopping = threading.Event()
    handler = type("Handler", (_Handler,), {"owner_stopping": stopping})
    server = _Server(("127.0.0.1", 0), handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    sagemaker = handler.owner = SageMaker(url, list(replies), described)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with aws(url):
            yield sagemaker
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
