"""Answers of a version and of its shadow, joined by request ids."""

import json
import time
from typing import Any

from lading.cli.versions.shadowed import answers_of, shadowed
from lading.functions.contract.names import function_log
from tests.cli.conftest import Lading
from tests.support.logs import LogsApi
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving


def event(id_: int, version: int, label: str, score: int, latency_ms: float) -> dict[str, Any]:
    line = {
        "message": "request",
        "version": str(version),
        "correlation_id": str(id_),
        "Latency": [latency_ms],
        "answer": {"class": label, "score": score},
    }
    return {"message": json.dumps(line, separators=(",", ":"))}


SEEN = [event(number, 1, "a", 1000, 10) for number in range(100)]
HIDDEN = [
    event(number, 2, "b" if number % 10 == 0 else "a", 1000 + number % 4, 20)
    for number in range(50, 110)
]


def test_pairs_are_joined_by_the_ids_of_their_requests() -> None:
    found = shadowed(answers_of(SEEN), answers_of(HIDDEN), "1", "2")
    assert (found.pairs, found.alone) == (50, 10)
    assert found.classes is not None
    assert found.scores is not None
    assert (found.classes.estimate, found.scores.estimate) == (0.9, 0.48)
    assert found.classes.low < 0.9 < found.classes.high
    one, other = found.latency["p50"]
    assert one is not None
    assert other is not None
    assert 1.9 < other.estimate / one.estimate < 2.1


def test_another_version_in_the_shadow_is_not_compared() -> None:
    assert shadowed(answers_of(SEEN), answers_of(HIDDEN), "1", "3").pairs == 0


def test_the_command_reads_both_logs(lading: Lading) -> None:
    logs, now = LogsApi(), int(time.time() * 1000)
    for group, events in (("model", SEEN), ("shadow", HIDDEN)):
        for it in events:
            logs.put(function_log(f"lading-dev-{group}-digits"), now, it["message"])
    with uvicorn_serving(logs) as address, aws(f"http://{address}"):
        shown = lading("compare", "digits", "1", "2", "--shadow")
        found = json.loads(lading("compare", "digits", "1", "2", "--shadow", "--json").out)
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[0] == (
        "50 requests answered by version 1, and by version 2 in its shadow"
    )
    assert "90.00%" in shown.out
    assert (found["pairs"], found["first"]) == (50, "1")
    assert found["latency"]["p90"][0][2] is None, "JSON has no infinity"
