"""Log lines with counts, read from CloudWatch Logs."""

from collections.abc import Iterator
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lading.functions.drift.windows import MESSAGE

UNREADABLE: Final = (BotoCoreError, ClientError)
"""The errors of a log that cannot be read."""

_PATTERN = f'{{ $.message = "{MESSAGE}" }}'


def read_lines(group: str, since: int, until: int) -> Iterator[str]:
    """Yield the lines of a log group from this time, in milliseconds since 1970."""
    pages = boto3.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(
        logGroupName=group, startTime=since, endTime=until, filterPattern=_PATTERN
    ):
        for event in page["events"]:
            yield event["message"]
