"""The scheduled function reads the logs of its models' functions, and judges each window."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lading.functions.drift.lambda_handler import watch
from tests.functions.drift.lines import many

CALM = many("numbers", [0, 500, 500, 0, 0], [0, 510, 490, 0, 0])
DRIFTS = many("numbers", [0, 500, 500, 0, 0], [0, 100, 800, 50, 50])


class Logs(BaseHTTPRequestHandler):
    """CloudWatch Logs with two pages of lines for each log group."""

    groups: dict[str, list[str]]
    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(asked)
        lines = self.groups.get(asked["logGroupName"])
        page = (lines or [])[1:] if "nextToken" in asked else (lines or [])[:1]
        more = {} if "nextToken" in asked else {"nextToken": "more"}
        found = {"events": [{"message": line} for line in page], **more}
        refused = {"__type": "ResourceNotFoundException"}
        content = json.dumps(refused if lines is None else found).encode()
        self.send_response(400 if lines is None else 200)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Logs]]:
    """CloudWatch Logs for this process; its groups are empty."""
    handler = type("OwnLogs", (Logs,), {"groups": {}, "asked": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for name, value in (
            ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", f"http://127.0.0.1:{server.server_address[1]}"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("LADING_DRIFT_FUNCTIONS", "stage-model-m,stage-model-n"),
            ("LADING_DRIFT_WINDOW", "3600"),
            ("LADING_DRIFT_PSI", "0.1"),
        ):
            monkeypatch.setenv(name, value)
        yield handler
        server.shutdown()


def test_each_models_window_is_judged_and_its_metrics_are_written(
    logs: type[Logs], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.groups = {
        "/aws/lambda/stage-model-m": ["START", CALM.replace('"m"', '"calm"')],
        "/aws/lambda/stage-model-n": [DRIFTS, DRIFTS, "END"],
    }
    assert watch({}, None) == {"calm": [], "m": ["x"]}
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in written] == [
        "drift judged",
        "drift judged",
        "feature drifts",
    ]
    assert written[1]["requests"] == 2000
    spans = {asked["endTime"] - asked["startTime"] for asked in logs.asked}
    assert spans == {3_600_000}
    assert {asked["filterPattern"] for asked in logs.asked} == {'{ $.message = "drift" }'}


def test_models_without_counts_have_no_verdict(
    logs: type[Logs], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.groups = {f"/aws/lambda/stage-model-{name}": ["START"] for name in "mn"}
    assert watch({}, None) == {}
    assert capsys.readouterr().out == ""


def test_a_log_that_cannot_be_read_is_an_error_after_all_other_models_are_judged(
    logs: type[Logs], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.groups = {"/aws/lambda/stage-model-n": [DRIFTS, DRIFTS, "END"]}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        watch({}, None)
    unread, *judged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (unread["message"], unread["function"]) == ("drift not judged", "stage-model-m")
    assert [line["message"] for line in judged] == ["drift judged", "feature drifts"]
