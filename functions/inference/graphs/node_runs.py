"""The runs of a graph's models, for the log line of the request: which, how long, what failed."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class NodeRun(NamedTuple):
    """A run of one model of a graph: its time in milliseconds, and its error if it failed.

    `started` is when it began, in seconds of `perf_counter`.
    """

    node: str
    started: float
    ms: float
    error: str = ""


def runs_document(runs: Iterable[NodeRun]) -> list[dict[str, Any]]:
    """Return the runs as the log line has them; `error` only where one failed."""
    return [
        {"node": run.node, "ms": round(run.ms, 3), **({"error": run.error} if run.error else {})}
        for run in runs
    ]
