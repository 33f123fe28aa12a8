"""What the judge of a model's roll-outs has written to its log."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lading.api.errors import AwsRefused
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import function_log

HOURS = 48
"""How far back a judgement is looked for."""
_PATTERN = f'{{ $.message = "{JUDGE.judgement}" }}'


def last_judgement(
    judges: Sequence[str], region: str | None, now_ms: int
) -> Mapping[str, Any] | None:
    """Return the newest judgement of the last two days; None if there is none.

    Args:
        judges: names of the judges' functions, of which the first one exists.
        region: the region; None: the AWS profile's.
        now_ms: the time, in milliseconds since 1970.

    Raises:
        AwsRefused: a log cannot be read.
    """
    found = [_newest(judge, region, now_ms, optional=judge != judges[0]) for judge in judges]
    return max(filter(None, found), key=lambda it: it["_aws"]["Timestamp"], default=None)


def _newest(
    judge: str, region: str | None, now_ms: int, *, optional: bool
) -> Mapping[str, Any] | None:
    """Return the newest judgement of one judge, which may have no log if it is optional."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    start = now_ms - HOURS * 3_600_000
    newest: Mapping[str, Any] | None = None
    try:
        client: Any = boto3.session.Session(region_name=region).client("logs")
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=function_log(judge), filterPattern=_PATTERN, startTime=start
        )
        for page in pages:
            for event in page["events"]:
                newest = _judgement(event["message"]) or newest
    except (BotoCoreError, ClientError) as error:
        if optional and "ResourceNotFoundException" in str(error):
            return None
        raise AwsRefused(f"the log of {judge}", str(error).rstrip(".")) from error
    return newest


def _judgement(message: str) -> Mapping[str, Any] | None:
    """Return the line if it is a judgement; an emulated log ignores the pattern."""
    try:
        line: Any = json.loads(message)
    except ValueError:
        return None
    is_one = isinstance(line, dict) and line.get("message") == JUDGE.judgement
    return line if is_one else None


def request_events(
    function: str, region: str | None, start_ms: int, end_ms: int
) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a function's log with the lines of requests.

    Args:
        function: name of the function.
        region: the region; None: the AWS profile's.
        start_ms: the first time, in milliseconds since 1970.
        end_ms: the last time.

    Raises:
        AwsRefused: the log cannot be read.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client: Any = boto3.session.Session(region_name=region).client("logs")
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=function_log(function),
            filterPattern='{ $.message = "request" }',
            startTime=start_ms,
            endTime=end_ms,
        )
        for page in pages:
            yield from page["events"]
    except (BotoCoreError, ClientError) as error:
        raise AwsRefused(f"the log of {function}", str(error).rstrip(".")) from error
