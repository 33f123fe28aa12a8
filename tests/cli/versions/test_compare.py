"""`lading compare` on a server's log, and on the log of a stage."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.names import function_log
from tests.cli.conftest import Lading
from tests.support.logs import LogsApi
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving


def lines(version: int, count: int, *, failing: float = 0.0, median_ms: float = 10) -> list[str]:
    """Requests of one version over ten minutes."""
    chance, now = random.Random(version), int(time.time() * 1000)  # noqa: S311 the same each run
    found = []
    for number in range(count):
        line: dict[str, Any] = {
            "message": "request",
            "model": "digits",
            "version": str(version),
            "Latency": [median_ms * chance.lognormvariate(0, 0.2)],
            "ServerErrors": [int(chance.random() < failing)],
            "answer": {"class": str(chance.randrange(2))},
            "_aws": {"Timestamp": now - 600_000 + 600_000 * number // count},
        }
        found.append(json.dumps(line, separators=(",", ":")))
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "server.log"
    other = lines(1, 5)[0].replace("digits", "other").replace('"1"', '"9"')
    path.write_text("\n".join(["started", other, *lines(1, 800), *lines(2, 400, median_ms=20)]))
    return path


def test_two_versions_of_a_servers_log_are_compared(lading: Lading, log: Path) -> None:
    result = lading("compare", "digits", "1", "2", "--log", str(log))
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "version 2 beside version 1: worse, by its latency"
    assert result.out.splitlines()[1].split() == ["requests", "800", "400"]


def test_json_has_every_interval(lading: Lading, log: Path) -> None:
    found = json.loads(lading("compare", "digits", "1", "2", "--log", str(log), "--json").out)
    measures = {it["measure"]: it for it in found["measures"]}
    low, ratio, high = measures["p50"]["ratio"]
    assert 1.5 < low < ratio < high < 2.6
    assert measures["errors"]["old"][:2] == [0.0, 0.0]
    assert measures["errors"]["ratio"][2] is None, "no error of either: any ratio is possible"
    assert measures["class 1"]["new"][1] == pytest.approx(0.5, abs=0.1)
    assert found["requests"] == [800, 400]


def test_a_version_without_requests_is_named_with_those_that_have_some(
    lading: Lading, log: Path
) -> None:
    result = lading("compare", "digits", "1", "3", "--log", str(log))
    assert result.code == 4
    assert "it has those of: 1, 2" in result.err


def test_the_log_of_a_stage_is_read_from_cloudwatch(lading: Lading) -> None:
    logs = LogsApi()
    for line in (*lines(1, 60), *lines(2, 60)):
        at_ms = json.loads(line)["_aws"]["Timestamp"]
        logs.put(function_log("lading-dev-model-digits"), at_ms, line)
    with uvicorn_serving(logs) as address, aws(f"http://{address}"):
        result = lading("compare", "digits", "1", "2", "--hours", "1")
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1].startswith("version 2 beside version 1: too little traffic")
