"""Widgets that read logs: what no metric tells apart.

API Gateway counts 401, 403 and 429 together as 4XXError, a firewall's blocks too; its access log
has the status and the gateway's reason of each request. Lambda has no metric of the time in which
an environment starts; the REPORT line of its first request has it. Logs Insights reads the logs
when somebody opens the dashboard, and bills the bytes that it reads; nothing is paid meanwhile.
"""

from collections.abc import Iterator, Sequence

from aws_cdk import aws_cloudwatch as cloudwatch

from lading.functions.contract.names import access_log, function_log
from lading.functions.contract.watched import MEMORY, WATCHED
from lading.stacks.monitoring.signals import WatchedApi, WatchedModel, firewall_metric

_MOST_LOGS = 50
"""Log groups in one query."""

_REFUSED = ("401", "403", "429")
_WIDTH, _HEIGHT = 12, 6


def refusals(api: WatchedApi, region: str) -> Iterator[cloudwatch.IWidget]:
    """Yield a table of refused requests by status and reason, and a graph of the firewall's blocks.

    Reasons of API Gateway: THROTTLED and QUOTA_EXCEEDED (429), UNAUTHORIZED (401), ACCESS_DENIED
    and WAF_FILTERED (403). `-` is an answer of a model's function, such as its own 429.
    """
    statuses = ", ".join(f'"{status}"' for status in _REFUSED)
    yield _query(
        f"{api.name}: refused requests by status and reason",
        [access_log(api.name)],
        f"filter status in [{statuses}]",
        "stats count(*) as requests by status, errorType",
        "sort requests desc",
    )
    if api.firewall:
        yield cloudwatch.GraphWidget(
            title=f"{api.name}: requests that the firewall blocked",
            left=[firewall_metric(api, region)],
            width=_WIDTH,
            height=_HEIGHT,
        )


def starts(models: Sequence[WatchedModel]) -> Iterator[cloudwatch.IWidget]:
    """Yield tables of the time in which environments started, with SnapStart and without."""
    for first in range(0, len(models), _MOST_LOGS):
        some = models[first : first + _MOST_LOGS]
        yield _query(
            "Starts of environments: restored from a snapshot, or initialized",
            [function_log(model.function) for model in some],
            'filter @type = "REPORT"',
            "parse @message /Restore Duration: (?<restore>[0-9.]+) ms/",
            "filter ispresent(restore) or ispresent(@initDuration)",
            "stats count(restore) as restored, pct(restore, 50) as restore_p50_ms, "
            "pct(restore, 99) as restore_p99_ms, count(@initDuration) as initialized, "
            "pct(@initDuration, 50) as init_p50_ms, pct(@initDuration, 99) as init_p99_ms by @log",
        )


def sizes(models: Sequence[WatchedModel]) -> Iterator[cloudwatch.IWidget]:
    """Yield tables of what a request's log line has as fields: sizes of bodies, rows of runs."""
    shown = [it for it in WATCHED if it.field and not it.field.startswith("@")]
    parts = [f"pct({it.field}, {rank}) as {it.field}_p{rank}" for it in shown for rank in (50, 99)]
    for first in range(0, len(models), _MOST_LOGS):
        some = models[first : first + _MOST_LOGS]
        yield _query(
            "Sizes of requests and answers in bytes, rows of a run",
            [function_log(model.function) for model in some],
            'filter message = "request" and status < 400',
            f"stats count(*) as requests, {', '.join(parts)} by model, version",
            "sort requests desc",
        )


def memory(models: Sequence[WatchedModel]) -> Iterator[cloudwatch.IWidget]:
    """Yield tables of the memory that functions used, of what they have, in MB."""
    megabytes = 1_000_000
    for first in range(0, len(models), _MOST_LOGS):
        some = models[first : first + _MOST_LOGS]
        yield _query(
            "Memory of functions, MB",
            [function_log(model.function) for model in some],
            'filter @type = "REPORT"',
            f"stats max({MEMORY.field}) / {megabytes} as used, "
            f"max(@memorySize) / {megabytes} as available by @log",
        )


def _query(title: str, logs: Sequence[str], *lines: str) -> cloudwatch.LogQueryWidget:
    return cloudwatch.LogQueryWidget(
        title=title,
        log_group_names=[*logs],
        query_lines=[*lines],
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        width=_WIDTH,
        height=_HEIGHT,
    )
