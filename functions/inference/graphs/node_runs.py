"""The runs of a graph's models, for the log line of the request: which, how long, what failed."""

from collections.abc import Iterable
from time import perf_counter
from types import TracebackType
from typing import Any, NamedTuple


class NodeRun(NamedTuple):
    """A run of one model of a graph: its time in milliseconds, and its error if it failed."""

    node: str
    ms: float
    error: str = ""


class clocked:  # noqa: N801 used as a function
    """A context manager that notes the run of a model, whether it answers or fails."""

    def __init__(self, node: str, runs: list[NodeRun]) -> None:
        self._node, self._runs, self._started = node, runs, 0.0

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        took = (perf_counter() - self._started) * 1000
        failed = "" if error is None else type(error).__name__
        self._runs.append(NodeRun(self._node, round(took, 3), failed))


def runs_document(runs: Iterable[NodeRun]) -> list[dict[str, Any]]:
    """Return the runs as the log line has them; `error` only where one failed."""
    return [
        {"node": run.node, "ms": run.ms, **({"error": run.error} if run.error else {})}
        for run in runs
    ]
