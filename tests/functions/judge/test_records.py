"""The lines that a judge reads of a busy function."""

from collections.abc import Iterator, Mapping
from typing import Any

from lading.functions.evidence.log_lines import MINUTE_MS
from lading.functions.judge.records import first_requests


def busy(
    _group: str, _pattern: str, start_ms: int, end_ms: int | None
) -> Iterator[Mapping[str, Any]]:
    """A log with a request in each second."""
    assert end_ms is not None
    for at_ms in range(start_ms, end_ms + 1, 1000):
        yield {"timestamp": at_ms, "message": "{}"}


def test_of_a_busy_function_the_first_requests_of_each_minute_are_read() -> None:
    found = [it["timestamp"] for it in first_requests(busy, "log", range(5, 9), most=12)]
    assert [at_ms // MINUTE_MS for at_ms in found] == [5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8]
    assert found[:3] == [5 * MINUTE_MS, 5 * MINUTE_MS + 1000, 5 * MINUTE_MS + 2000]


def test_a_look_at_no_minute_reads_nothing() -> None:
    assert [*first_requests(busy, "log", range(5, 5))] == []
