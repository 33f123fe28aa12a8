"""How `lading serve` is watched: traces for a collector, names of metrics, pages for people."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import typer

from lading.cli.errors import TracingMissing
from lading.functions.contract.names import CONTAINER
from lading.functions.inference.wire.asgi import App
from lading.functions.inference.wire.messages import Observation


class WatchedServing(NamedTuple):
    """How a server is watched.

    Args:
        collector: URL of the collector of traces; empty: there are none.
        stage: the deployment's name in traces.
        names: other servers whose names metrics have too.
        pages: whether browsers get pages.
    """

    collector: str
    stage: str
    names: tuple[str, ...]
    pages: bool = True


def read_metric_names(stated: str) -> tuple[str, ...]:
    """Return the other servers that an option names.

    Raises:
        typer.BadParameter: a name is none of a server that is known.
    """
    names = tuple(name.strip() for name in stated.split(",") if name.strip())
    for name in names:
        if name not in CONTAINER.metric_servers:
            reason = f"must be some of {', '.join(CONTAINER.metric_servers)}, not '{name}'"
            raise typer.BadParameter(reason, param_hint="--metric-names")
    return names


@contextmanager
def tracing(
    watched: WatchedServing,
) -> Iterator[tuple[Callable[[App], App], Callable[[Observation, int], object] | None]]:
    """Yield what puts a span around each request, and what is called with each that has ended.

    Without a collector nothing is imported, and nothing happens.

    Raises:
        TracingMissing: OpenTelemetry is not installed.
    """
    if not watched.collector:
        yield lambda app: app, None
        return
    try:
        from lading.functions.inference.observability.tracing import Tracing
    except ModuleNotFoundError as error:
        raise TracingMissing from error
    traces = Tracing(watched.collector, watched.stage)
    try:
        yield traces.around, traces.note
    finally:
        traces.close()
