import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cli.conftest import Lading
from tests.support.guides import commands_of
from tests.support.s3 import aws

CALLS, SECONDS, COLD, REQUESTS = 200_000, 3_000.0, 40, 210_000
FUNCTION, API = "lading-prod-model-double", "lading-prod-api"
DAYS = ["--days", "10"]


class AccessLog(BaseHTTPRequestHandler):
    """Logs Insights: counts lines of an access log by tenant and resource."""

    lines: Mapping[tuple[str, str], int] = {
        ("acme", "/double/{proxy+}"): 120,
        ("acme", "/double"): 30,
        ("other", "/double/{proxy+}"): 50,
        ("other", "/v2/{proxy+}"): 7,
    }
    queries: tuple[str, ...] = ()

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Amz-Target"].endswith("StartQuery"):
            AccessLog.queries += (f"{asked['logGroupName']}: {asked['queryString']}",)
            answer: Any = {"queryId": "1"}
        else:
            rows = [
                [
                    {"field": "tenant", "value": tenant},
                    {"field": "resource", "value": resource},
                    {"field": "requests", "value": str(number)},
                ]
                for (tenant, resource), number in Counter(self.lines).items()
            ]
            answer = {"status": "Complete", "results": rows}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def account(s3_url: str) -> Iterator[None]:
    """An account whose CloudWatch has seen ten days of traffic."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), AccessLog)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    logs = f"http://127.0.0.1:{server.server_port}"
    with aws(s3_url, AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=logs):
        put("AWS/Lambda", "Invocations", CALLS, FunctionName=FUNCTION)
        put("AWS/Lambda", "Duration", SECONDS * 1000, FunctionName=FUNCTION)
        put("Lading", "ColdStart", COLD, function_name=FUNCTION)
        put("AWS/ApiGateway", "Count", REQUESTS, ApiName=API)
        put("AWS/Logs", "IncomingBytes", 4e9, LogGroupName=f"/aws/lambda/{FUNCTION}")
        yield
    server.shutdown()
    server.server_close()


def put(namespace: str, name: str, value: float, **dimensions: str) -> None:
    """Count in two portions on different days."""
    listed = [{"Name": key, "Value": text} for key, text in dimensions.items()]
    for ago in (1, 5):
        moment = datetime.now(UTC) - timedelta(days=ago)
        data = {"MetricName": name, "Dimensions": listed, "Timestamp": moment, "Value": value / 2}
        boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[data])


def named(document: Any, kind: str) -> dict[str, Any]:
    return {each["name"]: each for each in document[kind]}


@pytest.mark.usefixtures("account")
def test_each_model_has_its_estimate_and_what_was_used(packaged: Lading, workspace: Path) -> None:
    (workspace / "stages.yaml").write_text("stages: {prod: {auth: token}}")
    result = packaged("costs", "--stage", "prod", *DAYS, "--json")
    assert result.code == 0, result.err
    model = named(result.document, "models")["double"]
    memory = 1769 / 1024
    used = CALLS / 1e6 * 0.20 + memory * (SECONDS * 0.0000166667 + COLD * 0.0001397998)
    assert model["requests"] == CALLS
    assert model["used"] == pytest.approx(used)
    plan = packaged("plan", "--json", "--requests-per-month", "600000").document
    (option, *_) = plan["models"][0]["options"]
    at_rest = option["at_rest_usd_a_month"] / 0.6
    compute = (option["per_million_usd"] - at_rest - 3.5) / 1e6
    assert model["estimated"] == pytest.approx(CALLS * compute, abs=0.01)
    parts = named(result.document, "parts")
    assert parts["API"]["used"] == pytest.approx(REQUESTS / 1e6 * 3.5)
    assert parts["logs"]["used"] == pytest.approx(4 * 0.53)
    share = 10 * 24 / 730
    assert parts["dashboards"]["used"] == parts["dashboards"]["estimated"]
    assert parts["dashboards"]["used"] == pytest.approx(6 * share)


@pytest.mark.usefixtures("account")
def test_tenants_share_what_a_model_used_by_their_requests(
    packaged: Lading, workspace: Path
) -> None:
    (workspace / "stages.yaml").write_text("stages: {prod: {auth: token}}")
    document = packaged("costs", "--stage", "prod", *DAYS, "--tenants", "--json").document
    used = named(document, "models")["double"]["used"]
    shares = {(it["tenant"], it["model"]): it for it in document["tenants"]}
    assert shares["acme", "double"]["requests"] == 150
    assert shares["acme", "double"]["dollars"] == pytest.approx(used * 0.75)
    assert shares["other", "double"]["dollars"] == pytest.approx(used * 0.25)
    assert shares["other", "root paths"] == {
        "tenant": "other",
        "model": "root paths",
        "requests": 7,
        "dollars": 0.0,
    }
    assert AccessLog.queries[-1].startswith("/aws/apigateway/lading-prod-api: stats count(*)")


@pytest.mark.usefixtures("account")
def test_the_table_ends_with_the_sum_and_says_what_it_is_not(packaged: Lading) -> None:
    lines = packaged("costs", "--stage", "prod", *DAYS).out.splitlines()
    assert lines[1].split()[:2] == ["double", "200,000"]
    assert lines[-3].startswith("sum")
    assert lines[-1].endswith("This is no invoice.")


@pytest.mark.usefixtures("account")
def test_each_command_of_the_guide_does_what_it_says(packaged: Lading, workspace: Path) -> None:
    other = workspace / "main"
    shutil.copytree(workspace, other, ignore=shutil.ignore_patterns("main"))
    (workspace / "stages.yaml").write_text("stages: {prod: {auth: token, waf: true}}")
    (other / "stages.yaml").write_text("stages: {prod: {auth: token, waf: false}}")
    told = []
    for command in commands_of("costs.md"):
        program, *words = command.replace("../main", "main").split()
        assert program == "lading"
        result = packaged(*words)
        assert result.code == 0, result.err
        told.append(result.out)
    places, month, change, used, tenants = told
    assert "double" in places
    assert "3,000,000" in month
    assert "firewall" in change
    assert "This is no invoice." in used
    assert {it["tenant"] for it in json.loads(tenants)["tenants"]} == {"acme", "other"}


def test_an_account_that_does_not_answer_is_an_error(packaged: Lading) -> None:
    with aws("http://127.0.0.1:1"):
        result = packaged("costs", "--stage", "prod", "--days", "1")
    assert result.code == 7
    assert "metrics in the region of the AWS profile" in result.err
