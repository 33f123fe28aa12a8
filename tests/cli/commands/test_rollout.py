"""`lading rollout status` on the log of a judge."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lading.cli.commands import rollout
from lading.functions.contract.names import function_log
from tests.cli.conftest import Lading
from tests.support.logs import LogsApi
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.waiting import until

GROUP = function_log("lading-dev-judge-digits")


def judgement(verdict: str, *, final: bool = False, **fields: Any) -> dict[str, Any]:
    now = int(time.time() * 1000)
    figures = {"requests": 90, "errors": 1, "p50_ms": 3.5, "p90_ms": 5.1, "p99_ms": None}
    return {
        "message": "judgement",
        "deployment": "d-1",
        "started_ms": now - 240_000,
        "old": {"version": "3", **figures},
        "new": {"version": "4", **figures},
        "verdict": verdict,
        "findings": [{"measure": "errors", "evidence": 1234.5, "limit": 50.0}],
        "reason": "",
        "final": final,
        "_aws": {"Timestamp": now},
        **fields,
    }


@pytest.fixture
def logs() -> Iterator[LogsApi]:
    made = LogsApi()
    made.groups[GROUP] = []
    with uvicorn_serving(made) as address, aws(f"http://{address}"):
        yield made


def write(logs: LogsApi, *judgements: dict[str, Any]) -> None:
    for line in judgements:
        logs.put(GROUP, int(time.time() * 1000), json.dumps(line))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("judging", 0),
        ("better or equal", 0),
        ("worse", 3),
        ("too little traffic", 1),
        ("broken", 1),
    ],
)
def test_the_newest_judgement_is_shown_and_is_the_exit_code(
    lading: Lading, logs: LogsApi, verdict: str, code: int
) -> None:
    write(logs, judgement("judging", deployment="d-0"), judgement(verdict))
    result = lading("rollout", "status", "digits")
    assert result.code == code, result.err
    assert result.out.splitlines()[0] == f"digits 3 -> 4, after 4 min: {verdict}"
    assert ["errors", "1.23e+03", "50"] in [line.split() for line in result.out.splitlines()]


def test_json_has_the_figures_and_nothing_of_cloudwatch(lading: Lading, logs: LogsApi) -> None:
    write(logs, judgement("broken", reason="AccessDenied"))
    result = lading("rollout", "status", "digits", "--json")
    document = json.loads(result.out)
    assert (document["model"], document["verdict"], document["reason"]) == (
        "digits",
        "broken",
        "AccessDenied",
    )
    assert document["new"]["version"] == "4"
    assert "_aws" not in document


def test_to_follow_ends_with_the_roll_out(lading: Lading, logs: LogsApi) -> None:
    write(logs, judgement("better or equal", final=True))
    result = lading("rollout", "status", "digits", "--follow")
    assert result.code == 0, result.err


def test_to_follow_shows_each_new_judgement_until_the_end(
    lading: Lading, logs: LogsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "_PAUSE_S", 0.01)
    write(logs, judgement("judging"))

    def go_on() -> None:
        until(lambda: len(logs.asked) >= 4)  # two looks, each at two logs
        write(logs, judgement("better or equal", final=True))

    with ThreadPoolExecutor() as pool:
        pool.submit(go_on)
        result = lading("rollout", "status", "digits", "--follow")
    assert result.code == 0, result.err
    shown = [line for line in result.out.splitlines() if line.startswith("digits ")]
    assert [line.rpartition(": ")[2] for line in shown] == ["judging", "better or equal"]


def test_a_judgement_of_an_earlier_roll_out_says_how_old_it_is(
    lading: Lading, logs: LogsApi
) -> None:
    now = int(time.time() * 1000)
    write(
        logs, judgement("worse", started_ms=now - 10_800_000, _aws={"Timestamp": now - 7_200_000})
    )
    result = lading("rollout", "status", "digits")
    assert result.out.splitlines()[0] == "digits 3 -> 4, after 60 min: worse (120 min ago)"


def test_a_worse_version_that_could_not_be_stopped_is_told(lading: Lading, logs: LogsApi) -> None:
    write(logs, judgement("worse", stopped="not stopped: ClientError: denied"))
    result = lading("rollout", "status", "digits")
    assert result.code == 3
    assert result.out.splitlines()[0].endswith(": worse, not stopped: ClientError: denied")


def test_a_model_without_a_judge_is_told_what_to_write(
    lading: Lading, logs: LogsApi, tmp_path: Path
) -> None:
    result = lading("rollout", "status", "digits")
    assert result.code == 4
    assert "`judge: {}`" in result.err
    missing = lading("rollout", "status", "absent")
    assert missing.code == 7
    assert "the log of lading-dev-judge-absent" in missing.err
