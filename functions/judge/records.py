"""The logs that the judge reads: the model's function's, and its own, which keeps its counts."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final, NamedTuple

import boto3

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import function_log
from lading.functions.evidence.counts import VersionCounts
from lading.functions.evidence.log_lines import BY_FLEET, MINUTE_MS, Counted, count

MOST_EVENTS: Final = 20_000
"""Requests that are read in one look, in the judge's minute: some 30 pages of a megabyte.

A busier function is judged by the first ones of each minute.
"""
_REQUESTS: Final = '{ $.message = "request" }'
_CRASHES: Final = '"Status: "'


class JudgedMinute(NamedTuple):
    """What both versions did in one minute."""

    old: VersionCounts
    new: VersionCounts

    def line(self, deployment: str, minute: int) -> dict[str, Any]:
        """Return the line of the judge's log that keeps it."""
        return {
            "message": JUDGE.minute,
            "deployment": deployment,
            "minute": minute,
            "old": self.old.to_json(),
            "new": self.new.to_json(),
        }


class OwnLog:
    """The log of a judge's function.

    Args:
        judge: name of the function.
        read: what reads logs; by default a new client does.
    """

    def __init__(self, judge: str, read: "ReadLog | None" = None) -> None:
        self._group = function_log(judge)
        self._read = read or log_reader()

    def kept(self, deployment: str, start_ms: int) -> dict[int, JudgedMinute]:
        """Return the minutes of a deployment that were counted before."""
        found = {}
        for line in self._lines(JUDGE.minute, start_ms):
            if line["deployment"] == deployment:
                counts = (VersionCounts.from_json(line[side]) for side in ("old", "new"))
                found[int(line["minute"])] = JudgedMinute(*counts)
        return found

    def judgements(self, start_ms: int) -> Iterator[dict[str, Any]]:
        """Yield what the judge has said since then, the oldest first."""
        yield from self._lines(JUDGE.judgement, start_ms)

    def _lines(self, message: str, start_ms: int) -> Iterator[dict[str, Any]]:
        for event in self._read(self._group, f'{{ $.message = "{message}" }}', start_ms, None):
            line = _line(event["message"])
            if line.get("message") == message:  # an emulated log ignores the pattern
                yield line


class Records:
    """The logs of one function and of its judge.

    Args:
        function: name of the function.
        judge: name of its judge's function.
    """

    def __init__(self, function: str, judge: str) -> None:
        self._function, self._read = function_log(function), log_reader()
        self._own = OwnLog(judge, self._read)

    def requests(self, start_minute: int, end_minute: int) -> Counted:
        """Return the counts of each minute and version of the function, from its log.

        Raises:
            ClientError: the log cannot be read.
            ValueError: a line has another form.
        """
        start, end = start_minute * MINUTE_MS, end_minute * MINUTE_MS - 1
        crashes = islice(self._read(self._function, _CRASHES, start, end), MOST_EVENTS)
        reports = (event for event in crashes if not event["message"].startswith("{"))
        requests = first_requests(self._read, self._function, range(start_minute, end_minute))
        return count(chain(requests, reports))

    def kept(self, deployment: str, start_ms: int) -> dict[int, JudgedMinute]:
        """Return the minutes of a deployment that were counted before."""
        return self._own.kept(deployment, start_ms)


def answers_of_fleets(function: str, start_minute: int, end_minute: int) -> Counted:
    """Return what the fleets of an endpoint have answered, from the log of the function before it.

    The versions are the function's own, and `JUDGE.other_fleet`. A line whose answer does not tell
    fleets apart is not counted.

    Raises:
        ClientError: the log cannot be read.
        ValueError: a line has another form.
    """
    minutes = range(start_minute, end_minute)
    return count(first_requests(log_reader(), function_log(function), minutes), BY_FLEET)


def first_requests(
    read: "ReadLog", group: str, minutes: range, most: int = MOST_EVENTS
) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of requests: of each minute the first ones, so that none is left out.

    Args:
        read: what reads logs.
        group: the log group.
        minutes: minutes since 1970.
        most: lines of all minutes together.
    """
    for minute in minutes:
        start = minute * MINUTE_MS
        lines = read(group, _REQUESTS, start, start + MINUTE_MS - 1)
        requests = (each for each in lines if each["message"].startswith("{"))
        yield from islice(requests, most // len(minutes))


ReadLog = Callable[[str, str, int, int | None], Iterator[Mapping[str, Any]]]
"""Yields the events of a log group that a pattern finds, from one time to another."""


def log_reader() -> ReadLog:
    """Return what reads the log groups of this account."""
    client: Callable[..., Any] = boto3.client
    logs = client("logs")

    def read(
        group: str, pattern: str, start_ms: int, end_ms: int | None
    ) -> Iterator[Mapping[str, Any]]:
        limits = {"startTime": start_ms, **({} if end_ms is None else {"endTime": end_ms})}
        pages = logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, filterPattern=pattern, **limits):
            yield from page["events"]

    return read


def _line(message: str) -> dict[str, Any]:
    """Return the JSON object of a line; empty for other lines."""
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
