"""Metrics for Prometheus: `GET /metrics`, in a container and in the emulator.

`contract.watched` describes them, with their names in CloudWatch: `DecodeLatency` in milliseconds
there is the histogram `lading_decode_latency_seconds` here, with the same dimensions as labels.
On Lambda there is nothing to scrape, since requests are spread over many processes.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from lading.functions.contract import watched
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.observability import exposition
from lading.functions.inference.observability.counting import Counts
from lading.functions.inference.observability.drifting import DriftGauges
from lading.functions.inference.observability.families import (
    LabelValues,
    Registry,
    Snapshot,
    together,
)
from lading.functions.inference.observability.process import show_process
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.messages import Observation, read_headers

PATHS: Final = ("/metrics", "/monitoring/prometheus/metrics")
"""The usual path, and that of TensorFlow Serving's documentation."""


class Metrics:
    """The metrics of one process.

    Args:
        others: returns the numbers of the other processes that share the port, at each scrape;
            None: there are none.
        names: other servers whose names the page has too; see `other_names`.
    """

    def __init__(
        self, others: Callable[[], Iterable[Snapshot]] | None = None, names: Sequence[str] = ()
    ) -> None:
        self._others, self._names = others, names
        self._catalog: Catalog | None = None
        self.registry = Registry()
        self._counts = Counts(self.registry)
        self.captures: Callable[[], Mapping[str, tuple[int, int]]] = dict
        """Model -> how many requests were captured, and how many were lost."""
        for place, figure in enumerate((watched.CAPTURED, watched.CAPTURE_LOST)):
            self.registry.register_read(figure, partial(self._captured, place))
        self.registry.register_read(watched.MODEL_READY, self._readiness)
        self.note_drift = DriftGauges(self.registry).note
        show_process(self.registry)

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended."""
        self._counts.note(seen, status)

    def note_models(self, catalog: Catalog) -> None:
        """Report which versions of `catalog` can answer, at the time of each scrape."""
        self._catalog = catalog

    def _readiness(self) -> Iterator[tuple[LabelValues, float]]:
        for model in self._catalog.models() if self._catalog else ():
            for version in model.versions:
                yield (model.name, str(version)), model.ready(version)

    def _captured(self, place: int) -> Iterator[tuple[LabelValues, float]]:
        for model, counts in self.captures().items():
            yield (model,), counts[place]

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics in the format that a scraper accepts, and their content type."""
        figures = self.registry.figures()
        others = self._others() if self._others is not None else ()
        snapshot = together([self.registry.snapshot(), *others], figures)
        if self._names:
            from lading.functions.inference.observability.other_names import under_other_names

            more, numbers = under_other_names(self._names, snapshot)
            figures, snapshot = [*figures, *more], {**snapshot, **numbers}
            if any(":" in figure.name for figure in more):
                accept = ""  # OpenMetrics keeps colons for the names of recorded rules
        return exposition.page(figures, snapshot, accept)

    def beside(self, app: App) -> App:
        """Return `app` with the metrics at `PATHS`."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] not in PATHS:
                await app(scope, receive, send)
                return
            accept = read_headers(scope["headers"]).get("accept", "")
            if self._others is None:
                body, content_type = self.page(accept)
            else:  # an answer of another process may take its time
                body, content_type = await asyncio.to_thread(self.page, accept)
            headers = [
                (b"content-type", content_type.encode()),
                (b"content-length", str(len(body)).encode()),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            shown = b"" if scope["method"] == "HEAD" else body
            await send({"type": "http.response.body", "body": shown})

        return measured
