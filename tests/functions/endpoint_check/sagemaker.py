"""An HTTP server that speaks the AWS calls of the check, and hears what CloudFormation does."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from tests.support.interpreter import run_clean

RUN = """
import json, sys
from lading.functions.endpoint_check.lambda_handler import check
class Context:
    def get_remaining_time_in_millis(self):
        return int(sys.argv[2])
check(json.loads(sys.argv[1]), Context())
"""


@dataclass
class LocalSageMaker:
    """One endpoint, and what it is at each look; the last state stays."""

    endpoint: deque[Mapping[str, Any]] = field(default_factory=deque)
    component: deque[Mapping[str, Any]] = field(default_factory=deque)
    groups: dict[str, int | None] = field(default_factory=dict)
    responses: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False
    word: Mapping[str, Any] | None = None
    """What the judge says; None: it fails."""
    asked: list[Any] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"aws": self})
        self._server = HTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def ask(
        self,
        kind: str = "Update",
        left_ms: int = 900_000,
        *,
        judge: str = "",
        on_broken: str = "roll_back",
        old: str = "old",
        **more: str,
    ) -> dict[str, Any]:
        """What CloudFormation hears when it asks for configuration `new`."""
        environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_MAX_ATTEMPTS": "1",
            "LADING_JUDGE_FUNCTION": judge,
            "LADING_JUDGE_BROKEN": on_broken,
        }
        event = {
            "RequestType": kind,
            "ResponseURL": f"{self.url}/response",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "EndpointCheck",
            **({"OldResourceProperties": {"Config": old}} if kind == "Update" else {}),
            "ResourceProperties": {
                "Endpoint": "chat",
                "Config": "new",
                "LogGroup": "/aws/sagemaker/Endpoints/chat",
                "LogDays": "30",
                **more,
            },
        }
        run_clean(RUN, environment, json.dumps(event), str(left_ms))
        (response,) = self.responses
        return response


class _Handler(BaseHTTPRequestHandler):
    aws: LocalSageMaker

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name there
        pass

    def do_PUT(self) -> None:
        self.aws.responses.append(json.loads(self._body()))
        self._answer({})

    def do_POST(self) -> None:
        asked = json.loads(self._body())
        if self.path.endswith("/invocations"):
            self.aws.asked.append(asked)
            self._answer(self.aws.word, error=None if self.aws.word else "Unhandled")
            return
        operation = self.headers["x-amz-target"].rpartition(".")[2]
        if self.aws.broken:
            self._answer({"__type": "AccessDeniedException", "message": "no"}, 400)
        elif operation == "DescribeEndpoint":
            assert asked == {"EndpointName": "chat"}
            self._answer(_next(self.aws.endpoint))
        elif operation == "DescribeInferenceComponent":
            self._answer(_next(self.aws.component))
        elif operation == "CreateLogGroup" and asked["logGroupName"] in self.aws.groups:
            self._answer({"__type": "ResourceAlreadyExistsException", "message": "there"}, 400)
        else:
            self.aws.groups[asked["logGroupName"]] = asked.get("retentionInDays")
            self._answer({})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def _answer(self, document: Any, status: int = 200, error: str | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        if error:
            self.send_header("X-Amz-Function-Error", error)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _next(states: deque[Mapping[str, Any]]) -> Mapping[str, Any]:
    return states.popleft() if len(states) > 1 else states[0]
