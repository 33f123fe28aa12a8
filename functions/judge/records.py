"""The logs that the judge reads: the model's function's, and its own, which keeps its counts."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import boto3

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import function_log
from lading.functions.evidence.counts import VersionCounts
from lading.functions.evidence.log_lines import MINUTE_MS, Counted, count

MOST_EVENTS: Final = 50_000
"""Lines that are read at a time; a busier function is judged by the first ones of the time."""
_REQUESTS: Final = '{ $.message = "request" }'
_CRASHES: Final = '"Status: "'
_OWN: Final = f'{{ $.message = "{JUDGE.minute}" }}'


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


class Records:
    """The logs of one function and of its judge.

    Args:
        function: name of the function.
        judge: name of its judge's function.
    """

    def __init__(self, function: str, judge: str) -> None:
        self._function, self._judge = function_log(function), function_log(judge)
        client: Callable[..., Any] = boto3.client
        self._logs = client("logs")

    def requests(self, start_minute: int, end_minute: int) -> Counted:
        """Return the counts of each minute and version of the function, from its log.

        Raises:
            ClientError: the log cannot be read.
            ValueError: a line has another form.
        """
        start, end = start_minute * MINUTE_MS, end_minute * MINUTE_MS - 1

        def events() -> Iterator[Mapping[str, Any]]:
            for pattern in (_REQUESTS, _CRASHES):
                for number, event in enumerate(self._events(self._function, pattern, start, end)):
                    if number == MOST_EVENTS:
                        break
                    if (pattern == _CRASHES) != event["message"].startswith("{"):
                        yield event

        return count(events())

    def kept(self, deployment: str, start_ms: int) -> dict[int, JudgedMinute]:
        """Return the minutes of a deployment that were counted before."""
        found = {}
        for event in self._events(self._judge, _OWN, start_ms, None):
            line = _line(event["message"])
            if line.get("message") == JUDGE.minute and line["deployment"] == deployment:
                counts = (VersionCounts.from_json(line[side]) for side in ("old", "new"))
                found[int(line["minute"])] = JudgedMinute(*counts)
        return found

    def _events(
        self, log: str, pattern: str, start: int, end: int | None
    ) -> Iterator[Mapping[str, Any]]:
        limits = {"startTime": start, **({} if end is None else {"endTime": end})}
        pages = self._logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=log, filterPattern=pattern, **limits):
            yield from page["events"]


def _line(message: str) -> dict[str, Any]:
    """Return the JSON object of a line; empty for other lines."""
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
