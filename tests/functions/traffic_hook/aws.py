"""A small HTTP server that speaks the AWS calls of the hook, with the service itself behind."""

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace, TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.handler import create_handler
from tests.support.interpreter import run_clean

RUN = """
import json, sys
from lading.functions.traffic_hook import lambda_handler
getattr(lambda_handler, sys.argv[1])(json.loads(sys.argv[2]), None)
"""


@dataclass
class LocalAws:
    """One function under CodeDeploy.

    Args:
        settings: of the service that every version of the function runs.
        function: the function's name.
        current: the version that traffic shifts from.
        target: the version that it shifts to.
        yaml: whether the deployment's specification is YAML.
    """

    settings: ServingSettings
    function: str
    current: int
    target: int
    yaml: bool = False
    versions: list[int] = field(default_factory=lambda: [4, 5, 6, 7])
    aliases: dict[str, int] = field(default_factory=dict)
    undeletable: set[int] = field(default_factory=set)
    objects: dict[str, bytes] = field(default_factory=dict)
    crashes: bool = False
    told: dict[str, str] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    judged: dict[str, Any] | None = None
    """What the judge answers; None: it crashes."""
    judge: str = ""
    on_broken: str = ""
    refusals: list[str] = field(default_factory=list)
    invoked: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"aws": self})
        self._server = HTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._serve)
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

    def _serve(self) -> None:
        self.handler = create_handler(self.settings)
        self._server.serve_forever(poll_interval=0.02)

    def run(self, entry: str, event: dict[str, Any], golden: str) -> list[dict[str, Any]]:
        """Run one entry of the hook in a process of its own; what it logs."""
        environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_MAX_ATTEMPTS": "1",
            "LADING_MODEL": "m",
            "LADING_VERSION": "1",
            "LADING_FUNCTION": self.function,
            "LADING_GOLDEN": golden,
            **self.told,
            "LADING_JUDGE_FUNCTION": self.judge,
            "LADING_JUDGE_BROKEN": self.on_broken,
        }
        return run_clean(RUN, environment, entry, json.dumps(event))

    def shift(self, entry: str, golden: str) -> list[dict[str, Any]]:
        """Run an entry as CodeDeploy does."""
        event = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}
        return self.run(entry, event, golden)

    def resource(self, kind: str, golden: str, **properties: str) -> list[dict[str, Any]]:
        """Run the custom resource as CloudFormation does."""
        event = {
            "RequestType": kind,
            "ResponseURL": f"{self.url}/response",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "GoldenCheck",
            "ResourceProperties": {
                "ServiceToken": "arn",
                "Version": str(self.target),
                **properties,
            },
        }
        return self.run("check", event, golden)

    @property
    def specification(self) -> str:
        properties = {
            "Name": self.function,
            "Alias": "live",
            "CurrentVersion": str(self.current),
            "TargetVersion": str(self.target),
        }
        if self.yaml:
            lines = "".join(f'        {key}: "{value}"\n' for key, value in properties.items())
            return f"version: 0.0\nResources:\n  - fn:\n      Properties:\n{lines}"
        resource = {"Type": "AWS::Lambda::Function", "Properties": properties}
        return json.dumps({"version": 0.0, "Resources": [{"fn": resource}]})


class _Handler(BaseHTTPRequestHandler):
    aws: LocalAws

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name there
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation == "GetDeployment":
            content = {"content": self.aws.specification}
            kind = "string" if self.aws.yaml else "appSpecContent"
            self._answer({"deploymentInfo": {"deploymentId": "d-1", "revision": {kind: content}}})
        elif operation == "PutLifecycleEventHookExecutionStatus":
            told = json.loads(body)
            assert (told["deploymentId"], told["lifecycleEventHookExecutionId"]) == ("d-1", "e-1")
            self.aws.statuses.append(told["status"])
            self._answer({})
        else:
            self._invoke(json.loads(body))

    def _invoke(self, event: dict[str, Any]) -> None:
        url = urlsplit(self.path)
        if self.aws.judge and url.path.endswith(f"/{self.aws.judge}/invocations"):
            assert event == {"final": "d-1"}
            failed = {} if self.aws.judged else {"x-amz-function-error": "Unhandled"}
            self._answer(self.aws.judged or {"errorMessage": "out of memory"}, failed)
            return
        assert url.path == f"/2015-03-31/functions/{self.aws.function}/invocations"
        if self.aws.refusals:
            self._send(400, b"{}", {"x-amzn-errortype": self.aws.refusals.pop()})
            return
        self.aws.invoked.append(parse_qs(url.query)["Qualifier"][0])
        if self.aws.crashes:
            error = {"errorMessage": "out of memory", "errorType": "Runtime.ExitError"}
            self._answer(error, {"x-amz-function-error": "Unhandled"})
        else:
            version = str(self.aws.target)
            context = SimpleNamespace(function_name=self.aws.function, function_version=version)
            self._answer(self.aws.handler(event, context))

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/versions"):
            listed = [{"Version": str(it)} for it in ("$LATEST", *self.aws.versions)]
            self._answer({"Versions": listed})
        elif path.endswith("/aliases"):
            aliases = self.aws.aliases.items()
            listed = [{"Name": name, "FunctionVersion": str(at)} for name, at in aliases]
            self._answer({"Aliases": listed})
        elif path.endswith("/layers"):
            (arn,) = parse_qs(urlsplit(self.path).query)["Arn"]
            self._answer({"Content": {"CodeSha256": self.aws.layers[arn]}})
        elif path.removeprefix("/") in self.aws.objects:
            self._send(200, self.aws.objects[path.removeprefix("/")])
        else:
            self._send(404, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")

    def do_DELETE(self) -> None:
        version = int(parse_qs(urlsplit(self.path).query)["Qualifier"][0])
        if version in self.aws.undeletable:
            self._send(409, b'{"Type": "User", "Message": "in use"}')
        else:
            self.aws.versions.remove(version)
            self._send(204, b"")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.aws.responses.append(json.loads(body))
        self._send(200, b"")

    def _answer(self, document: Any, headers: dict[str, str] | None = None) -> None:
        self._send(200, json.dumps(document).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
